//! Prefixes from several sources, of which one goes before another.

use ipnet::IpNet;

/// `written`, with as much of what autonomous systems and countries have as it leaves:
/// no prefix within one that goes before it, however much longer it is.
pub(super) fn joined(
    written: Vec<(IpNet, u16)>,
    of_as: &[(IpNet, u16)],
    of_country: &[(IpNet, u16)],
) -> Vec<(IpNet, u16)> {
    if of_as.is_empty() && of_country.is_empty() {
        return written;
    }
    let ranked = |prefixes: &[(IpNet, u16)], rank: u8| -> Vec<(IpNet, u8, u16)> {
        let prefixes = prefixes.iter();
        prefixes
            .map(|(prefix, group)| (*prefix, rank, *group))
            .collect()
    };
    let mut all = [ranked(&written, 0), ranked(of_as, 1), ranked(of_country, 2)].concat();
    // A prefix stands before those within it, and of equal ones the first to count.
    all.sort_unstable();
    let mut joined = written;
    // Those that the current one is within, with the first rank of them and theirs.
    let mut around: Vec<(IpNet, u8)> = Vec::new();
    for (prefix, rank, group) in all {
        while around
            .last()
            .is_some_and(|(outer, _)| !outer.contains(&prefix))
        {
            around.pop();
        }
        let first = around.last().map_or(rank, |(_, first)| *first);
        if first < rank {
            continue;
        }
        around.push((prefix, rank));
        if rank > 0 {
            joined.push((prefix, group));
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes(texts: &[&str], group: u16) -> Vec<(IpNet, u16)> {
        let texts = texts.iter();
        texts.map(|text| (text.parse().unwrap(), group)).collect()
    }

    #[test]
    fn what_goes_before_hides_what_is_within_and_nothing_around() {
        let written = ["10.1.0.0/16", "10.1.2.0/24", "2001:db8::/32"];
        let of_as = [
            "10.0.0.0/8",
            "10.1.2.0/25",
            "10.1.0.0/16",
            "11.0.0.0/8",
            "2001:db8:1::/48",
        ];
        let of_country = [
            "8.0.0.0/5",
            "10.2.0.0/16",
            "11.0.0.0/8",
            "12.0.0.0/8",
            "::/0",
        ];
        let joined = joined(
            prefixes(&written, 1),
            &prefixes(&of_as, 2),
            &prefixes(&of_country, 3),
        );
        let mut expected = prefixes(&written, 1);
        expected.extend(prefixes(&["8.0.0.0/5"], 3));
        expected.extend(prefixes(&["10.0.0.0/8", "11.0.0.0/8"], 2));
        expected.extend(prefixes(&["12.0.0.0/8", "::/0"], 3));
        assert_eq!(joined, expected);
    }

    #[test]
    fn what_is_written_alone_stays_in_its_order() {
        let written = prefixes(&["10.1.0.0/16", "10.0.0.0/8"], 1);
        assert_eq!(joined(written.clone(), &[], &[]), written);
    }
}
