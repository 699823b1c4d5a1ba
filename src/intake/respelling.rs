//! How an object of an export that a map tells of becomes one of Graph, when it is indexed and again when it is opened.
//!
//! Promises: what comes out depends on the bytes of the object and the map only. All members stay, under their Graph names
//! where the map tells them, but for the one that says when it was captured.

use serde::Serialize;

use super::spelling::Node;

/// Members of an object as they are respelt.
pub(super) type Members<'t> = [(String, Node<'t>)];

/// How an object becomes one of Graph.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Respelling {
    /// Path of the member that identifies it.
    pub id: String,
    /// Path of a member that is no attribute, for it tells when it was captured.
    pub time: Option<String>,
    /// Paths of members, and what Graph calls them.
    pub rename: Vec<(String, String)>,
}

impl Respelling {
    /// The text of an object in Graph's spelling; `None` if it is none. Without a value that identifies it, it has no `id`.
    #[must_use]
    pub fn render(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.in_graph(Node::of(text)?)
    }

    pub(super) fn in_graph(&self, object: Node<'_>) -> Option<Vec<u8>> {
        let Node::Object(mut members) = object else { return None };
        let id = find(&members, &self.id)
            .filter(|id| written(id).is_some_and(|id| !id.is_empty()))
            .cloned();
        if let Some(time) = &self.time {
            drop(take(&mut members, time));
        }
        let is_id = |member: &str, name: &str| member == self.id && name == "id";
        if self.id == "id" {
            drop(take(&mut members, "id"));
        }
        let mut respelt = Vec::with_capacity(members.len() + 1);
        for (member, name) in &self.rename {
            if let Some(value) = take(&mut members, member).filter(|_| !is_id(member, name)) {
                respelt.push((name.clone(), value));
            }
        }
        respelt.append(&mut members);
        match id {
            Some(id) => respelt.insert(0, ("id".to_owned(), id)),
            None => respelt.retain(|(name, _)| name != "id"),
        }
        let mut text = Vec::new();
        Node::Object(respelt).write(&mut text);
        Some(text)
    }
}

/// A scalar as text: a string as it reads, a number or boolean as it is written.
pub(super) fn written(value: &Node<'_>) -> Option<String> {
    match value {
        Node::Scalar(b"null") | Node::Array(_) | Node::Object(_) => None,
        Node::Scalar(bytes) if !bytes.starts_with(b"\"") => {
            std::str::from_utf8(bytes).ok().map(str::to_owned)
        }
        Node::Scalar(_) | Node::Text(_) => value.text(),
    }
}

/// The value at a path; a member that is called like the whole path comes first.
pub(super) fn find<'n, 't>(members: &'n Members<'t>, path: &str) -> Option<&'n Node<'t>> {
    let (mut members, mut path) = (members, path);
    loop {
        let of = |wanted: &str| members.iter().find(|(name, _)| name == wanted);
        if let Some((_, value)) = of(path) {
            return Some(value);
        }
        let (top, rest) = path.split_once('.')?;
        let Some((_, Node::Object(inner))) = of(top) else { return None };
        (members, path) = (inner, rest);
    }
}

/// As [`find`], and takes it out.
fn take<'t>(members: &mut Vec<(String, Node<'t>)>, path: &str) -> Option<Node<'t>> {
    let (mut members, mut path) = (members, path);
    loop {
        if let Some(at) = members.iter().position(|(name, _)| name == path) {
            return Some(members.remove(at).1);
        }
        let (top, rest) = path.split_once('.')?;
        let Some((_, Node::Object(inner))) = members.iter_mut().find(|(name, _)| name == top)
        else {
            return None;
        };
        (members, path) = (inner, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_respelt() {
        let rename = [("Props.Name", "displayName"), ("AppId", "appId")];
        let respelling = Respelling {
            id: "AppId".to_owned(),
            time: Some("at".to_owned()),
            rename: rename.map(|(member, name)| (member.to_owned(), name.to_owned())).to_vec(),
        };
        let render = |text: &str| {
            let bytes = respelling.render(text.as_bytes()).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(
            render(r#"{"at":1,"AppId":"x","Props":{"Name":"n","b":[1]},"c":null}"#),
            r#"{"id":"x","displayName":"n","appId":"x","Props":{"b":[1]},"c":null}"#
        );
        assert_eq!(render(r#"{"id":"y","AppId":""}"#), r#"{"appId":""}"#);
        assert_eq!(render(r#"{"id":"y","AppId":7}"#), r#"{"id":7,"appId":7,"id":"y"}"#);
        assert!(respelling.render(b"[]").is_none());
    }
}
