//! The page of nginx's `stub_status`.
//!
//! ```text
//! Active connections: 291
//! server accepts handled requests
//!  16630948 16630948 31070465
//! Reading: 6 Writing: 179 Waiting: 106
//! ```

/// What is used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StubStatus {
    /// Open connections now.
    pub(super) connections: u64,
    /// Requests since nginx started.
    pub(super) requests: u64,
}

/// Reads the page; `None` where it is another.
pub(super) fn parse(page: &str) -> Option<StubStatus> {
    let mut lines = page.lines();
    let connections = lines.next()?.strip_prefix("Active connections:")?;
    // Tengine adds a column, and everybody keeps the order.
    let names = lines.next()?.strip_prefix("server ")?;
    let column = names
        .split_whitespace()
        .position(|name| name == "requests")?;
    let requests = lines.next()?.split_whitespace().nth(column)?;
    Some(StubStatus {
        connections: connections.trim().parse().ok()?,
        requests: requests.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGE: &str = "Active connections: 291 \nserver accepts handled requests\n 16630948 16630948 31070465 \nReading: 6 Writing: 179 Waiting: 106 \n";

    #[test]
    fn the_page_of_the_manual() {
        let read = StubStatus {
            connections: 291,
            requests: 31_070_465,
        };
        assert_eq!(parse(PAGE), Some(read));
        let tengine = PAGE
            .replace("handled requests", "handled requests request_time")
            .replace("31070465", "31070465 9");
        assert_eq!(parse(&tengine), Some(read));
    }

    #[test]
    fn other_pages_are_none() {
        for page in [
            "",
            "<html><title>404 Not Found</title></html>",
            "Active connections: 291\n",
            &PAGE.replace("291", "-1"),
            &PAGE.replace("31070465", ""),
            &PAGE.replace("31070465", "99999999999999999999"),
            &PAGE.replace("requests", "replies"),
        ] {
            assert_eq!(parse(page), None, "{page}");
        }
    }

    proptest! {
        #[test]
        fn any_page_is_read_or_none(page in "(Active connections: ?[0-9]{0,25}\n)?(server [a-z ]*\n)?\\PC*") {
            let _ = parse(&page);
        }
    }
}
