//! How long resolvers may keep an answer.
//!
//! ```toml
//! ttl_s = 20       # 20 by default, 0 to 86400
//! ttl_max_s = 300  # as long as nothing can change for so long; from ttl_s, which is then 1 or
//!                  # more; by default answers always have ttl_s
//! ```

use crate::{
    config::section::{Document, Section},
    model::TTLS_MAX,
};

/// TTL where a service sets none, seconds.
const TTL_S: u32 = 20;
/// The longest, seconds.
const TTL_S_MAX: u32 = 86_400;

/// The TTLs of a service, seconds, ascending: one, or the steps from the shortest to the
/// longest, each about as many times the one before.
pub(super) fn read(section: &mut Section, document: &mut Document) -> Vec<u32> {
    let shortest = section
        .optional("ttl_s", document)
        .and_then(|entry| entry.integer(0..=TTL_S_MAX, document))
        .unwrap_or(TTL_S);
    let Some(entry) = section.optional("ttl_max_s", document) else {
        return vec![shortest];
    };
    let Some(longest) = entry.integer(shortest.max(1)..=TTL_S_MAX, document) else {
        return vec![shortest];
    };
    if shortest == 0 {
        let message = "stands beside ttl_s = 0, by which nobody keeps anything; valid: with a \
                       ttl_s of 1 or more";
        document.report(entry.line, &entry.path, message);
        return vec![shortest];
    }
    let times = f64::from(longest) / f64::from(shortest);
    let last = TTLS_MAX - 1;
    let mut ttls: Vec<u32> = (0..last)
        .map(|step| {
            let share = f64::from(step as u32) / f64::from(last as u32);
            rounded(f64::from(shortest) * times.powf(share))
        })
        .chain([longest])
        .collect();
    ttls.dedup();
    ttls
}

#[expect(clippy::cast_sign_loss, reason = "it is between two TTLs")]
fn rounded(ttl: f64) -> u32 {
    ttl.round() as u32
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{SERVICE, assert_finding, load_files};

    fn with(ttls: &str) -> String {
        SERVICE.replace("customer = ", &format!("{ttls}\ncustomer = "))
    }

    #[test]
    fn ttls_are_steps_from_the_shortest_to_the_longest() {
        let of = |ttls: &str| {
            let config = load_files(&[("services.d/a.toml", &with(ttls))]).unwrap();
            let service = &config.services[0];
            (service.ttl_s, service.pool.ttls.clone())
        };
        assert_eq!(of(""), (20, vec![]));
        assert_eq!(of("ttl_s = 5"), (5, vec![]));
        assert_eq!(of("ttl_max_s = 20"), (20, vec![]));
        assert_eq!(of("ttl_max_s = 21"), (20, vec![20, 21]));
        assert_eq!(of("ttl_max_s = 540"), (20, vec![20, 60, 180, 540]));
        assert_eq!(of("ttl_s = 1\nttl_max_s = 4"), (1, vec![1, 2, 3, 4]));
    }

    #[test]
    fn a_longest_ttl_is_no_shorter_and_stands_beside_one_that_is_kept() {
        for (ttls, expected) in [
            (
                "ttl_max_s = 19",
                "ttl_max_s: 19 is out of range; valid: 20 to 86400",
            ),
            (
                "ttl_s = 0\nttl_max_s = 60",
                "ttl_max_s: stands beside ttl_s = 0, by which nobody keeps anything; valid: with",
            ),
        ] {
            let line = 3 + ttls.lines().count();
            let expected = format!("services.d/a.toml:{line}: service.www.example.com..{expected}");
            assert_finding(&[("services.d/a.toml", &with(ttls))], &expected);
        }
    }
}
