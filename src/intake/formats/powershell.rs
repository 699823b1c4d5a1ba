//! `ConvertTo-Json` of PowerShell objects (Microsoft Graph PowerShell SDK, `AzureAD` module).
//!
//! Recognised by members that all begin with a capital, among them `Id`, `ObjectId` or `AdditionalProperties`.
//! Habits: every property of the class is written, so null, `[]` and an object of nulls may mean "not asked for" and are
//! left out (a value gone is then possibly cleared, never proven); dates are `/Date(ms)/`, lists may be wrapped as
//! `{"value":[…],"Count":n}`, what the class does not know lies in `AdditionalProperties`.
//! Loses: what lies deeper than `-Depth` becomes a text (`@{…}`, `System.Object[]`), which is no value: it is named as lost.

use jiff::Timestamp;

use super::azure_ad_graph;
use crate::directory::{Catalogue, SpeltName};
use crate::intake::spelling::{LOST, Node};

/// Beginnings of the names of .NET types that stand for a value that was cut off.
const TYPE_NAMES: [&str; 6] = [
    "System.Object",
    "System.Collections.",
    "System.String[]",
    "Microsoft.Graph.PowerShell.Models.",
    "Microsoft.Graph.Beta.PowerShell.Models.",
    "Microsoft.Open.",
];

/// A record in Graph's spelling.
pub(in crate::intake) fn in_graph<'t>(record: Node<'t>, catalogue: &Catalogue) -> Node<'t> {
    let Node::Object(mut members) = record else { return record };
    let of_azure_ad = members.iter().any(|(name, _)| name == "ObjectId");
    if of_azure_ad {
        keep_old_names(&mut members);
    }
    let mut respeller = Respeller { catalogue, lost: Vec::new() };
    let mut members = respeller.members(members, "", true);
    members.retain(|(name, value)| name.starts_with('@') || !value.is_blank());
    let mut respelt = Node::Object(members);
    if of_azure_ad {
        respelt = azure_ad_graph::in_graph(respelt, catalogue);
    }
    if let Node::Object(members) = &mut respelt
        && !respeller.lost.is_empty()
    {
        respeller.lost.sort();
        respeller.lost.dedup();
        members.push((LOST.to_owned(), Node::list(respeller.lost)));
    }
    respelt
}

/// The `AzureAD` module has the names of Azure AD Graph, in PowerShell's letters: its table tells what they are in Graph.
fn keep_old_names(members: &mut [(String, Node<'_>)]) {
    for (name, _) in members {
        if matches!(name.as_str(), "ObjectId" | "ObjectType") {
            name.replace_range(..1, "o");
        }
    }
}

struct Respeller<'c> {
    catalogue: &'c Catalogue,
    lost: Vec<String>,
}

impl Respeller<'_> {
    fn members<'t>(
        &mut self,
        members: Vec<(String, Node<'t>)>,
        above: &str,
        top: bool,
    ) -> Vec<(String, Node<'t>)> {
        let mut found: Vec<(String, Node<'t>)> = Vec::with_capacity(members.len());
        let mut more = Vec::new();
        for (key, value) in members {
            if key == "AdditionalProperties" {
                match value {
                    Node::Object(extra) => more = extra,
                    value if value.is_blank() => {}
                    Node::Scalar(_) | Node::Text(_) | Node::Array(_) => {
                        self.lost.push(format!("{above}*"));
                    }
                }
                continue;
            }
            // An annotation of the evidence is none of ours.
            if key.starts_with('@') && !key.starts_with("@odata.") {
                continue;
            }
            let spelt = self.catalogue.powershell_name(&key, top);
            let name = spelt.map_or_else(|| camel(&key), |spelt| spelt.graph.clone());
            if let Some(value) = self.value(value, &format!("{above}{}", step(&name)), spelt) {
                put(&mut found, name, value);
            }
        }
        for (name, value) in more {
            if name.starts_with('@') && !name.starts_with("@odata.") {
                continue;
            }
            if let Some(value) = self.value(value, &format!("{above}{}", step(&name)), None) {
                put(&mut found, name, value);
            }
        }
        found
    }

    /// The value in Graph's spelling; nothing where it was cut off.
    fn value<'t>(
        &mut self,
        value: Node<'t>,
        path: &str,
        spelt: Option<&SpeltName>,
    ) -> Option<Node<'t>> {
        match value {
            Node::Scalar(written) => {
                let begins = |head: &[u8]| written.starts_with(head);
                let suspect = begins(b"\"@{")
                    || begins(b"\"System.")
                    || begins(b"\"Microsoft.")
                    || begins(b"\"class ");
                if suspect && !spelt.is_some_and(|spelt| spelt.is_text) {
                    let text = Node::Scalar(written).text()?;
                    if is_cut(&text) {
                        self.lost.push(path.to_owned());
                        return None;
                    }
                }
                let dated = begins(b"\"/Date(") || begins(b"\"\\/Date(") || begins(b"\"Date(");
                let date = if dated { Node::Scalar(written).text() } else { None };
                Some(date.and_then(|text| date_of(&text)).unwrap_or(Node::Scalar(written)))
            }
            Node::Text(text) => Some(Node::Text(text)),
            Node::Array(items) => {
                let known = self.lost.len();
                let items: Vec<Node<'t>> = items
                    .into_iter()
                    .filter_map(|item| self.value(item, &format!("{path}.item"), None))
                    .collect();
                if self.lost.len() > known {
                    // Items that lack something cannot be matched: the list as a whole is lost.
                    self.lost.truncate(known);
                    self.lost.push(path.to_owned());
                    return None;
                }
                Some(Node::Array(items))
            }
            Node::Object(members) => match unwrapped(members) {
                Ok(inner) => self.value(inner, path, spelt),
                Err(members) => {
                    let blank = members.iter().all(|(_, value)| value.is_blank());
                    let inner = self.members(members, &format!("{path}."), false);
                    Some(if blank { Node::Scalar(b"null") } else { Node::Object(inner) })
                }
            },
        }
    }
}

/// Keeps the first of several values of one name; a value goes before none.
fn put<'t>(found: &mut Vec<(String, Node<'t>)>, name: String, value: Node<'t>) {
    match found.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) if known.is_blank() => *known = value,
        Some(_) => {}
        None => found.push((name, value)),
    }
}

/// A dot of a name as the paths of attributes write it.
fn step(name: &str) -> String {
    name.replace('%', "%25").replace('.', "%2E")
}

/// `{"value":[…],"Count":n}` and `{"value":"/Date(…)/","DisplayHint":2,"DateTime":"…"}` are their `value`.
fn unwrapped<'t>(members: Vec<(String, Node<'t>)>) -> Result<Node<'t>, Vec<(String, Node<'t>)>> {
    let wraps = members.len() > 1
        && members.iter().all(|(name, _)| {
            matches!(name.as_str(), "value" | "Count" | "DisplayHint" | "DateTime")
        });
    let value = members.iter().position(|(name, _)| name == "value");
    match value.filter(|_| wraps) {
        Some(place) => {
            let mut members = members;
            Ok(members.swap_remove(place).1)
        }
        None => Err(members),
    }
}

/// Whether the text stands for a value that lay too deep.
fn is_cut(text: &str) -> bool {
    if let Some(inner) = text.strip_prefix("@{") {
        return inner.ends_with('}') && inner.contains('=');
    }
    // What the SDK's own models say of themselves: `class SignInLocation {` and a line per property.
    if let Some((name, _)) = text.strip_prefix("class ").and_then(|text| text.split_once(" {\n")) {
        return name.chars().all(|c| c.is_ascii_alphanumeric());
    }
    let plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '[' | ']' | '`' | '_' | ' ' | ',' | '+')
    };
    TYPE_NAMES.iter().any(|name| text.starts_with(name)) && text.chars().all(plain)
}

/// `/Date(1647536088205)/`, also without slashes and with a zone behind the number.
fn date_of(text: &str) -> Option<Node<'static>> {
    let inner = text.trim_matches('/').strip_prefix("Date(")?.strip_suffix(')')?;
    let end = inner
        .char_indices()
        .skip(1)
        .find(|(_, c)| matches!(c, '+' | '-'))
        .map_or(inner.len(), |(at, _)| at);
    let at = Timestamp::from_millisecond(inner.get(..end)?.parse().ok()?).ok()?;
    Some(Node::Text(at.to_string()))
}

/// `DisplayName` as `displayName`; of a run of capitals all but the one that begins the next word.
fn camel(name: &str) -> String {
    let run = name.chars().take_while(char::is_ascii_uppercase).count();
    let word_follows = name.chars().nth(run).is_some_and(|c| c.is_ascii_lowercase());
    let lower = if run > 1 && word_follows { run - 1 } else { run };
    name.char_indices().map(|(at, c)| if at < lower { c.to_ascii_lowercase() } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use crate::directory::catalogue;
    use crate::intake::Spelling;

    fn graph(text: &str) -> serde_json::Value {
        let respelt = Spelling::PowerShell.in_graph(text.as_bytes(), catalogue()).unwrap();
        serde_json::from_slice(&respelt).unwrap()
    }

    #[test]
    fn names_and_dates_are_those_of_graph() {
        let text = r##"{"Id":"1","DisplayName":"A","IPAddress":"::1","CreatedDateTime":"\/Date(1647536088205)\/",
            "Web":{"RedirectUris":["https://a"]},"KeyCredentials":[{"KeyId":"k","EndDateTime":"Date(0)"}],
            "Tags":{"value":["x"],"Count":1},"Stamp":{"value":"/Date(0)/","DisplayHint":2,"DateTime":"gone"},
            "AdditionalProperties":{"@odata.type":"#microsoft.graph.user","extension_a_B":"c"}}"##;
        assert_eq!(
            graph(text),
            serde_json::json!({"id": "1", "displayName": "A", "ipAddress": "::1",
                "createdDateTime": "2022-03-17T16:54:48.205Z",
                "web": {"redirectUris": ["https://a"]},
                "keyCredentials": [{"keyId": "k", "endDateTime": "1970-01-01T00:00:00Z"}],
                "tags": ["x"], "stamp": "1970-01-01T00:00:00Z",
                "@odata.type": "#microsoft.graph.user", "extension_a_B": "c"})
        );
    }

    #[test]
    fn what_was_cut_off_is_lost_and_what_is_null_is_left_out() {
        let text = r#"{"Id":"1","Mail":null,"Licences":[],"SignInActivity":{"LastSignInDateTime":null},
            "Conditions":{"Users":"@{IncludeUsers=System.Object[]}","ClientAppTypes":["all"]},
            "KeyCredentials":["Microsoft.Graph.PowerShell.Models.MicrosoftGraphKeyCredential"],
            "DisplayName":"@{a=b}","@lost":["id"]}"#;
        assert_eq!(
            graph(text),
            serde_json::json!({"id": "1", "conditions": {"clientAppTypes": ["all"]},
                "displayName": "@{a=b}", "@lost": ["conditions.users", "keyCredentials"]})
        );
    }
}
