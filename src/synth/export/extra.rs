//! Everything beside objects and links: refusals, orphans, audit events, recovery jobs.

use serde_json::{Value, json};

use super::super::SynthError;
use super::super::kinds::Ty;
use super::super::{LogFormat, audit, recovery};
use super::{Exporter, start_of};

impl Exporter<'_> {
    /// A request that the service refused.
    pub(super) fn refused(&mut self, path: &str) -> Result<(), SynthError> {
        let body = json!({"error": {
            "code": "Authorization_RequestDenied",
            "message": "Insufficient privileges to complete the operation.",
            "innerError": {"date": super::clock::rfc3339(self.clock), "request-id": super::super::rng::guid(self.options.seed, &[self.seq()])},
        }});
        self.document(path, &body)
    }

    fn document(&mut self, path: &str, body: &Value) -> Result<(), SynthError> {
        if !self.is_stamped() {
            return Ok(());
        }
        let name = self.stamped(path, self.clock, "json");
        self.clock += 1;
        self.file(&name, body.to_string().as_bytes())
    }

    /// What an exporter collects beside the directory.
    pub(super) fn extras(&mut self) -> Result<(), SynthError> {
        if self.trouble.spelling {
            let users = self.tenant.live(Ty::User, self.clock);
            let items: Vec<Value> = users
                .iter()
                .take(2)
                .map(|user| json!({"@odata.type": "#microsoft.graph.user", "id": self.tenant.key(*user)}))
                .collect();
            let body = json!({
                "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#directoryObjects",
                "value": items,
            });
            self.document("directoryObjects", &body)?;
        }
        if self.options.log == LogFormat::Graph {
            self.graph_log()?;
        } else if self.is_stamped() {
            self.foreign_log()?;
        }
        for (path, body) in recovery::documents(self.tenant, start_of(self.day)) {
            self.document(&path, &body)?;
        }
        Ok(())
    }

    /// The events since the last day, as pages.
    fn graph_log(&mut self) -> Result<(), SynthError> {
        let since = if self.day == 0 { i64::MIN } else { start_of(self.day - 1) };
        let events = audit::events(self.tenant, since, start_of(self.day));
        let pages = events.chunks(100).len().max(1);
        for page in 0..pages {
            let mut body = json!({
                "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#auditLogs/directoryAudits",
            });
            let items: Vec<Value> = events.iter().skip(page * 100).take(100).cloned().collect();
            if let Some(members) = body.as_object_mut() {
                if page + 1 < pages {
                    members.insert("@odata.nextLink".to_owned(), json!(format!("https://graph.microsoft.com/v1.0/auditLogs/directoryAudits?$skiptoken={page:08x}")));
                }
                members.insert("value".to_owned(), Value::Array(items));
            }
            self.document("auditLogs/directoryAudits", &body)?;
        }
        Ok(())
    }
}
