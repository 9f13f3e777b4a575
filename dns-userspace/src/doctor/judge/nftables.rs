//! Rules as `nft --json list ruleset` has them (libnftables-json(5)).

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{firewall::Rule, quoted};

/// Statements that keep nothing from passing.
const HARMLESS: [&str; 6] = ["match", "accept", "counter", "log", "notrack", "continue"];

/// Elements of sets, by family, table and name.
type Sets<'v> = HashMap<[&'v str; 3], &'v Value>;

/// The rules that name `port` over UDP.
pub(super) fn rules(listed: &str, port: u16) -> Result<Vec<Rule>, serde_json::Error> {
    let listed: Value = serde_json::from_str(listed)?;
    let objects = listed["nftables"].as_array();
    let objects = || objects.into_iter().flatten();
    let sets = objects()
        .filter_map(|object| object.get("set").or_else(|| object.get("map")))
        .map(|set| (named(set, "name"), &set["elem"]));
    let sets: Sets = sets.collect();
    let rules = objects().filter_map(|object| object.get("rule"));
    Ok(rules.filter_map(|it| rule(it, port, &sets)).collect())
}

/// Family, table and what is named by `key`.
fn named<'v>(object: &'v Value, key: &str) -> [&'v str; 3] {
    ["family", "table", key].map(|key| object[key].as_str().unwrap_or_default())
}

fn rule(rule: &Value, port: u16, sets: &Sets) -> Option<Rule> {
    let statements = rule["expr"].as_array()?;
    let [family, table, chain] = named(rule, "chain");
    let elements = |value: &Value| -> Option<Value> {
        let name = value.as_str()?.strip_prefix('@')?;
        sets.get(&[family, table, name]).map(|set| (*set).clone())
    };
    let names = |statement: &Value| {
        let (left, right) = match (statement.get("match"), statement.get("vmap")) {
            (Some(it), _) if it["op"] != "!=" => (&it["left"], &it["right"]),
            (_, Some(it)) => (&it["key"], &it["data"]),
            _ => return false,
        };
        let ports = elements(right);
        is_udp_port(left) && holds(ports.as_ref().unwrap_or(right), port)
    };
    if !statements.iter().any(names) {
        return None;
    }
    let words = statements.iter().filter_map(Value::as_object);
    let words: Vec<_> = words.flat_map(Map::keys).map(String::as_str).collect();
    let handle = rule["handle"].as_u64()?;
    let verdicts: Vec<_> = words
        .iter()
        .copied()
        .filter(|word| *word != "match")
        .collect();
    Some(Rule {
        text: format!(
            "nft: {family} {table} {chain}, rule {handle}: udp dport {port}: {}",
            verdicts.join(" ")
        ),
        lets_pass: words.iter().all(|word| HARMLESS.contains(word)),
        removal: format!(
            "nft delete rule {} {} {} handle {handle}",
            quoted(family),
            quoted(table),
            quoted(chain)
        ),
    })
}

/// Whether that is the destination port of a datagram.
fn is_udp_port(left: &Value) -> bool {
    let payload = &left["payload"];
    let protocol = payload["protocol"].as_str().unwrap_or_default();
    matches!(protocol, "udp" | "th") && payload["field"] == "dport"
}

/// Whether `port` is that value, or one of those.
fn holds(value: &Value, port: u16) -> bool {
    let number = |value: &Value| value.as_u64().or_else(|| (value == "domain").then_some(53));
    match value {
        Value::Array(values) => values.iter().any(|value| holds(value, port)),
        Value::Object(object) => {
            if let Some(Value::Array(ends)) = object.get("range") {
                let end = |at: usize| ends.get(at).and_then(number);
                let port = u64::from(port);
                return end(0).is_some_and(|first| first <= port)
                    && end(1).is_some_and(|last| port <= last);
            }
            let inner = object.get("set").or_else(|| object.get("elem"));
            let inner = inner.or_else(|| object.get("val"));
            inner.is_some_and(|inner| holds(inner, port))
        }
        value => number(value) == Some(port.into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(statements: &Value) -> Vec<Rule> {
        let table = json!({"family": "inet", "table": "filter", "name": "dns", "elem": [53, 853]});
        let rule = json!({
            "family": "inet", "table": "filter", "chain": "input", "handle": 7, "expr": statements
        });
        let listed = json!({"nftables": [{"metainfo": {}}, {"set": table}, {"rule": rule}]});
        rules(&listed.to_string(), 53).expect("it is JSON")
    }

    fn port(protocol: &str, op: &str, right: &Value) -> Value {
        let left = json!({"payload": {"protocol": protocol, "field": "dport"}});
        json!({"match": {"op": op, "left": left, "right": right}})
    }

    #[test]
    fn however_the_port_is_written() {
        for right in [
            json!(53),
            json!("domain"),
            json!({"range": [50, 60]}),
            json!({"set": [80, {"range": [53, 54]}]}),
            json!("@dns"),
            json!({"set": [{"elem": {"val": 53, "comment": "dns"}}]}),
        ] {
            for protocol in ["udp", "th"] {
                let found = found(&json!([port(protocol, "==", &right), {"drop": null}]));
                assert_eq!(found.len(), 1, "{protocol} {right}");
                assert!(!found[0].lets_pass);
            }
        }
        let key = json!({"payload": {"protocol": "udp", "field": "dport"}});
        let data = json!({"set": [[53, {"drop": null}], [54, {"accept": null}]]});
        assert_eq!(
            found(&json!([{"vmap": {"key": key, "data": data}}])).len(),
            1
        );
    }

    #[test]
    fn rules_that_are_about_something_else() {
        for (protocol, op, right) in [
            ("tcp", "==", json!(53)),
            ("udp", "!=", json!(53)),
            ("udp", "==", json!(5353)),
            ("udp", "==", json!({"range": [54, 60]})),
            ("udp", "==", json!("@unknown")),
        ] {
            let statements = json!([port(protocol, op, &right), {"drop": null}]);
            assert_eq!(found(&statements), [], "{protocol} {op} {right}");
        }
    }

    #[test]
    fn what_takes_one_away_and_what_need_not() {
        let limit = json!({"limit": {"rate": 100, "per": "second", "inv": true}});
        let limited = found(&json!([port("udp", "==", &json!(53)), limit, {"drop": null}]));
        let expected = Rule {
            text: "nft: inet filter input, rule 7: udp dport 53: limit drop".to_owned(),
            lets_pass: false,
            removal: "nft delete rule inet filter input handle 7".to_owned(),
        };
        assert_eq!(limited, [expected]);
        let accepted = found(&json!([port("udp", "==", &json!(53)), {"accept": null}]));
        assert!(accepted[0].lets_pass);
        assert!(rules("no JSON", 53).is_err());
    }
}
