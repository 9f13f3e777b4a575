use proptest::prelude::*;

use super::*;

/// The example of the format's own description, shortened.
const PAGE: &str = r#"# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000
http_requests_total { method = "get" , code="500" , } 4e1

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
not_a_number NaN
rpc:sum 9
http_requests_total_of_another_kind 7
"#;

fn of(selectors: &[&str]) -> Result<f64, NoSum> {
    let selectors: Vec<_> = selectors
        .iter()
        .map(|text| Selector::parse(text).unwrap_or_else(|| panic!("{text}")))
        .collect();
    sum(PAGE, &selectors)
}

#[test]
fn series_are_chosen_by_name_and_labels() {
    assert_eq!(of(&["http_requests_total"]), Ok(1070.0));
    assert_eq!(of(&[r#"http_requests_total{method="post"}"#]), Ok(1030.0));
    let both = r#"http_requests_total{code="400", method="post"}"#;
    assert_eq!(of(&[both]), Ok(3.0));
    assert_eq!(of(&["metric_without_timestamp_and_labels"]), Ok(12.47));
    assert_eq!(of(&["rpc:sum"]), Ok(9.0));
    let path = r#"msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT"}"#;
    assert_eq!(of(&[path]), Ok(1.458_255_915e9));
}

#[test]
fn a_series_that_two_selectors_choose_counts_once() {
    let errors = [
        r#"http_requests_total{code="400"}"#,
        r#"http_requests_total{code="500"}"#,
    ];
    assert_eq!(of(&errors), Ok(43.0));
    assert_eq!(of(&[errors[0], errors[0], errors[1]]), Ok(43.0));
}

#[test]
fn without_a_series_there_is_no_sum() {
    let unknown = "http_requests".to_owned();
    assert_eq!(of(&[&unknown]), Err(NoSum::Unknown(unknown)));
    for labels in [r#"http_requests_total{code="404"}"#, r#"rpc:sum{a="b"}"#] {
        assert_eq!(of(&[labels]), Err(NoSum::NotYet(labels.to_owned())));
    }
    let reason = |selector| of(&[selector]).unwrap_err().to_string();
    assert_eq!(reason("something_weird"), "something_weird is inf");
    assert_eq!(reason("not_a_number"), "not_a_number is NaN");
}

#[test]
fn what_is_no_selector() {
    for text in [
        "",
        "  ",
        "1x",
        "a b",
        "a{",
        "a}",
        "a{b}",
        "a{b=}",
        "a{b=c}",
        r#"a{b="c}"#,
        r#"a{b=~"c"}"#,
        r#"a{b="c"} 1"#,
        r#"a{b="c" d="e"}"#,
        r#"a{b="\x"}"#,
        "a{,}",
        r#"{b="c"}"#,
        "é",
    ] {
        assert_eq!(Selector::parse(text), None, "{text}");
    }
}

#[test]
fn damaged_lines_count_for_nothing() {
    let selectors = [Selector::parse("up").unwrap()];
    let page = "up\nup{\nup{a=\"\nup x\nup 1\nup{a=\"b\"}\n\u{0}\nup{a=\"b\"}2";
    assert_eq!(sum(page, &selectors), Ok(3.0));
}

proptest! {
    #[test]
    fn any_page_has_a_sum_or_none(page in "([a-z_:]{0,3}[{} ,=\"\\\\n#]{0,6}[-+0-9.eInfNa]{0,6}\\PC{0,2}\n){0,9}") {
        let sum = sum(&page, &[Selector::parse("a").unwrap()]);
        prop_assert!(sum.is_err() || sum.is_ok_and(f64::is_finite));
    }

    #[test]
    fn a_selector_is_read_as_it_is_shown(name in "[a-z_:][a-z0-9_:]{0,9}", value in "[ -~]{0,9}\n?") {
        let labels = vec![("label".to_owned(), value)];
        let selector = Selector { name, labels };
        prop_assert_eq!(Selector::parse(&selector.to_string()), Some(selector));
    }
}
