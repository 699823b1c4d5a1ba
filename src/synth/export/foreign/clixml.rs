//! `Get-Mg… | Export-Clixml -Depth 10`: objects of the classes of the Microsoft Graph PowerShell SDK, UTF-16.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::super::SynthError;
use super::super::super::kinds::Obj;
use super::super::super::tenant::Relation;
use super::super::super::value::is_plain_instant;
use super::super::{Exporter, ListRequest};
use super::Object;
use super::powershell::{capital, object, reference};

const BEGIN: &str =
    "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">\r\n";
const MODELS: &str = "Microsoft.Graph.PowerShell.Models.MicrosoftGraph";
const LIST: &str = "System.Object[]";
const DICTIONARY: &str = "System.Collections.Generic.Dictionary`2[[System.String],[System.Object]]";

/// A file on its way.
#[derive(Default)]
struct Xml {
    text: String,
    objects: usize,
    classes: BTreeMap<String, usize>,
}

impl Xml {
    fn add<'t>(&mut self, parts: impl IntoIterator<Item = &'t str>) {
        self.text.extend(parts);
    }

    /// An object of a class; `name` is empty for one of the file.
    fn open(&mut self, name: &str, class: &str) {
        let number = self.objects;
        self.objects += 1;
        let named =
            if name.is_empty() { String::new() } else { format!(" N=\"{}\"", escaped(name)) };
        self.add(["<Obj", &named, " RefId=\"", &number.to_string(), "\">"]);
        let next = self.classes.len();
        match self.classes.get(class) {
            Some(known) => {
                let known = known.to_string();
                self.add(["<TNRef RefId=\"", &known, "\"/>"]);
            }
            None => {
                self.classes.insert(class.to_owned(), next);
                let class = escaped(class);
                let next = next.to_string();
                self.add([
                    "<TN RefId=\"",
                    &next,
                    "\"><T>",
                    &class,
                    "</T><T>System.Object</T></TN>",
                ]);
            }
        }
    }

    fn object(&mut self, name: &str, class: &str, members: &Map<String, Value>) {
        self.open(name, class);
        self.text.push_str("<Props>");
        for (name, value) in members {
            if let (Value::Object(more), "AdditionalProperties") = (value, name.as_str()) {
                self.dictionary(name, more);
            } else {
                self.value(name, &format!("{MODELS}{name}"), value);
            }
        }
        self.text.push_str("</Props></Obj>\r\n");
    }

    fn dictionary(&mut self, name: &str, members: &Map<String, Value>) {
        self.open(name, DICTIONARY);
        self.text.push_str("<DCT>");
        for (key, value) in members {
            self.add(["<En><S N=\"Key\">", &escaped(key), "</S>"]);
            self.entry(value);
            self.text.push_str("</En>");
        }
        self.text.push_str("</DCT></Obj>");
    }

    /// A value of a dictionary: what lies in it are dictionaries too.
    fn entry(&mut self, value: &Value) {
        match value {
            Value::Object(members) => self.dictionary("Value", members),
            Value::Array(items) => {
                self.open("Value", LIST);
                self.text.push_str("<LST>");
                for item in items {
                    if let Value::Object(members) = item {
                        self.dictionary("", members);
                    } else {
                        self.value("", LIST, item);
                    }
                }
                self.text.push_str("</LST></Obj>");
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.value("Value", LIST, value);
            }
        }
    }

    fn value(&mut self, name: &str, class: &str, value: &Value) {
        let named =
            if name.is_empty() { String::new() } else { format!(" N=\"{}\"", escaped(name)) };
        let written = match value {
            Value::Null => format!("<Nil{named}/>"),
            Value::Bool(flag) => format!("<B{named}>{flag}</B>"),
            Value::Number(number) => format!("<I64{named}>{number}</I64>"),
            Value::String(text) if is_plain_instant(text) => format!("<DT{named}>{text}</DT>"),
            Value::String(text) => format!("<S{named}>{}</S>", escaped(text)),
            Value::Array(items) => {
                self.open(name, LIST);
                self.text.push_str("<LST>");
                items.iter().for_each(|item| self.value("", class, item));
                "</LST></Obj>".to_owned()
            }
            Value::Object(members) => return self.object(name, class, members),
        };
        self.text.push_str(&written);
    }

    fn finish(self) -> String {
        format!("{BEGIN}{}</Objs>", self.text)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The same object with its dates as texts of their own.
fn with_dates(object: Value, map: &Map<String, Value>) -> Map<String, Value> {
    let Value::Object(mut members) = object else { return Map::new() };
    for (name, value) in map {
        if let Some(member) = members.get_mut(&capital(name)) {
            *member = class_value(value);
        }
    }
    members
}

fn class_value(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().map(|(k, v)| (capital(k), class_value(v))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(class_value).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

impl Exporter<'_> {
    pub(super) fn clixml_file(
        &mut self,
        request: &ListRequest,
        objects: &[Object],
    ) -> Result<(), SynthError> {
        let mut xml = Xml::default();
        let class = format!("{MODELS}{}", capital(request.ty.name()));
        for (obj, map) in objects {
            xml.object("", &class, &with_dates(object(obj.ty, map), map));
        }
        let name = self.foreign_name(request, "xml");
        self.wide_file(&name, &xml.finish())
    }

    pub(super) fn clixml_links(
        &mut self,
        relation: Relation,
        targets: &[Obj],
    ) -> Result<(), SynthError> {
        let mut xml = Xml::default();
        let class = format!("{MODELS}DirectoryObject");
        for target in targets {
            let (id, more) = reference(self, *target);
            let mut members = Map::new();
            members.insert("Id".to_owned(), Value::String(id));
            members.insert("DeletedDateTime".to_owned(), Value::Null);
            members.insert("AdditionalProperties".to_owned(), Value::Object(more));
            xml.object("", &class, &members);
        }
        let name = format!("{}.xml", self.relation_path(relation).replace('/', "_"));
        self.wide_file(&name, &xml.finish())
    }
}
