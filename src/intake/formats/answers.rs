//! Answers of Graph in an envelope: `$batch` (`{"responses":[{"id":"1","status":200,"body":{…}},…]}`), also saved together
//! with its `requests`, and one answer as a tool saves it (`{"url":…,"status":200,"body":{…}}`).
//!
//! Recognised by `responses` whose items have a `status`, or by `body` beside a status or URL. Habits: those of what the
//! body holds; each body is a request of its own. An entry that failed is a refusal, never an empty list.
//! Loses: which request an entry answers, where neither its context nor a URL tells: parents of relations most of all.

use crate::intake::context::Context;
use crate::intake::scan::{ScanError, Scanner};
use crate::intake::{Format, Kind, Place, Reader, Record, Skipped};

/// From this status on a request has failed.
const FIRST_FAILURE: u64 = 400;

/// Members that tell the status of an answer.
const STATUS: [&str; 3] = ["status", "statusCode", "status_code"];

impl Reader<'_> {
    /// Reads the answers that an envelope holds; false if it is none of answers.
    pub(in crate::intake) fn wrapped_answers(
        &mut self,
        envelope: &Record,
    ) -> Result<bool, ScanError> {
        if let Some(responses) = envelope.member(self.text, "responses")
            && responses.value.kind == Kind::Array
        {
            let answers = self.items_of(&responses.value)?;
            if answers.first().is_none_or(|answer| self.status(answer).is_none()) {
                return Ok(false);
            }
            let requests = match envelope.member(self.text, "requests") {
                Some(requests) => self.items_of(&requests.value.clone())?,
                None => Vec::new(),
            };
            for answer in &answers {
                let id = answer.string(self.text, "id");
                let asked = requests.iter().find(|asked| asked.string(self.text, "id") == id);
                let url =
                    asked.filter(|_| id.is_some()).and_then(|asked| asked.string(self.text, "url"));
                self.answer(answer, url)?;
            }
            self.intake.format = Some(Format::Answers);
            return Ok(true);
        }
        let body = envelope.member(self.text, "body").map(|body| body.value.kind);
        let named = self.status(envelope).is_some() || envelope.string(self.text, "url").is_some();
        if body != Some(Kind::Object) || !named || envelope.member(self.text, "id").is_some() {
            return Ok(false);
        }
        self.answer(envelope, None)?;
        self.intake.format = Some(Format::Answers);
        Ok(true)
    }

    fn status(&self, answer: &Record) -> Option<u64> {
        let member = STATUS.iter().find_map(|name| answer.member(self.text, name))?;
        std::str::from_utf8(self.text.get(member.value.span.clone())?).ok()?.parse().ok()
    }

    fn items_of(&self, list: &Skipped) -> Result<Vec<Record>, ScanError> {
        let mut scanner = Scanner::new(self.text, list.span.start);
        let (mut items, mut first) = (Vec::new(), true);
        if list.kind == Kind::Array {
            scanner.expect_byte(b'[')?;
            while scanner.next_item(&mut first, b']')? {
                let mut item = Record::default();
                item.scan(self.text, &mut scanner)?;
                items.push(item);
            }
        }
        Ok(items)
    }

    fn answer(&mut self, answer: &Record, url: Option<String>) -> Result<(), ScanError> {
        let url = url.or_else(|| answer.string(self.text, "url"));
        self.asked = Some(asked(url.as_deref(), self.place));
        let read = self.body(answer);
        self.asked = None;
        read
    }

    fn body(&mut self, answer: &Record) -> Result<(), ScanError> {
        let body = answer.member(self.text, "body").map(|body| body.value.clone());
        let status = self.status(answer);
        if status.is_some_and(|status| status >= FIRST_FAILURE) {
            let code = body
                .as_ref()
                .filter(|body| body.kind == Kind::Object)
                .and_then(|body| {
                    let mut record = Record::default();
                    record.scan(self.text, &mut Scanner::new(self.text, body.span.start)).ok()?;
                    self.error_code(&record)
                })
                .or_else(|| status.map(|status| status.to_string()));
            let mut request = self.request(Format::ErrorBody, None);
            request.refused = code;
            self.intake.requests.push(request);
            self.count_aside("error-body");
            return Ok(());
        }
        match body {
            Some(body) if body.kind == Kind::Object => {
                let behind =
                    std::mem::replace(&mut self.scanner, Scanner::new(self.text, body.span.start));
                let read = self.object_text(true);
                self.scanner = behind;
                read
            }
            _ => {
                self.count_aside("scalar-text");
                Ok(())
            }
        }
    }
}

/// What a URL tells of the request: the collection, or the parent and the path below it.
fn asked(url: Option<&str>, place: &Place) -> Place {
    let mut place = Place { tree_folder: None, lines: false, ..place.clone() };
    let Some(url) = url else { return place };
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path
        .split_once("://")
        .map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let path = path.trim_start_matches('/');
    let path =
        ["v1.0/", "beta/"].iter().find_map(|version| path.strip_prefix(version)).unwrap_or(path);
    let Some(context) = Context::parse(&format!("$metadata#{path}")) else { return place };
    place.parent =
        context.parent().map(|(above, key, below)| (above, key.to_ascii_lowercase(), below));
    place.collection = Some(match &place.parent {
        Some((above, ..)) => above.clone(),
        None => context.path(),
    });
    place
}
