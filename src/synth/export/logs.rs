//! The audit log in the dialects that it is met in. Each loses what the real one loses: Log Analytics in the portal writes
//! milliseconds in the reader's locale, the unified audit log writes seconds, ids of its own and one target.

use std::io;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::SynthError;
use super::super::rng::{guid, hash, tag};
use super::super::{LogFormat, audit};
use super::{Exporter, start_of};

fn text<'v>(event: &'v Value, pointer: &str) -> &'v str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// What diagnostic settings wrap around an event.
fn diagnostic(tenant: &str, event: &Value) -> Value {
    json!({
        "time": event["activityDateTime"],
        "resourceId": format!("/tenants/{tenant}/providers/Microsoft.aadiam"),
        "operationName": event["activityDisplayName"],
        "operationVersion": "1.0",
        "category": "AuditLogs",
        "tenantId": tenant,
        "resultSignature": "None",
        "durationMs": 0,
        "callerIpAddress": event.pointer("/initiatedBy/user/ipAddress"),
        "correlationId": event["correlationId"],
        "Level": 4,
        "properties": event,
    })
}

/// `11/6/2026, 11:14:53.123 PM`, as the portal shows a time to a reader in the United States.
fn of_locale(time: &str) -> String {
    let at: Timestamp = time.parse().unwrap_or_default();
    let millis = at.subsec_millisecond();
    at.strftime(&format!("%-m/%-d/%Y, %-I:%M:%S.{millis:03} %p")).to_string()
}

const TABLE: [&str; 16] = [
    "TimeGenerated [UTC]",
    "ResourceId",
    "OperationName",
    "Category",
    "CorrelationId",
    "Level",
    "ActivityDateTime [UTC]",
    "ActivityDisplayName",
    "AADOperationType",
    "LoggedByService",
    "Result",
    "ResultReason",
    "InitiatedBy",
    "TargetResources",
    "AdditionalDetails",
    "Id",
];

/// A row of the table `AuditLogs`, as the portal exports it.
fn table_row(tenant: &str, event: &Value) -> Vec<String> {
    let own = |name: &str| match &event[name] {
        Value::Null => "(blank)".to_owned(),
        Value::String(text) if text.is_empty() => "(blank)".to_owned(),
        Value::String(text) => text.clone(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    };
    let time = of_locale(text(event, "/activityDateTime"));
    vec![
        time.clone(),
        format!("/tenants/{tenant}/providers/Microsoft.aadiam"),
        own("activityDisplayName"),
        own("category"),
        own("correlationId"),
        "4".to_owned(),
        time,
        own("activityDisplayName"),
        own("operationType"),
        own("loggedByService"),
        own("result"),
        own("resultReason"),
        own("initiatedBy"),
        own("targetResources"),
        own("additionalDetails"),
        own("id"),
    ]
}

const UNIFIED: [&str; 8] = [
    "RecordId",
    "CreationDate",
    "RecordType",
    "Operation",
    "UserId",
    "AuditData",
    "AssociatedAdminUnits",
    "AssociatedAdminUnitsNames",
];

/// Ids and names of a thing, mixed as the unified audit log mixes them.
fn mixed(object_type: &str, id: &str, names: [&str; 2]) -> Value {
    let mut items = Vec::new();
    if !id.is_empty() {
        items.push(json!({"ID": format!("{object_type}_{id}"), "Type": 2}));
        items.push(json!({"ID": id, "Type": 2}));
        items.push(json!({"ID": object_type, "Type": 2}));
    }
    let names = names.iter().filter(|name| !name.is_empty());
    items.extend(names.map(|name| json!({"ID": name, "Type": 1})));
    Value::Array(items)
}

/// A row of Purview's export.
fn unified_row(seed: u64, tenant: &str, event: &Value) -> Vec<String> {
    let record = guid(seed, &[tag("unified"), hash(seed, &[tag(text(event, "/id"))])]);
    let second = text(event, "/activityDateTime").split('.').next().unwrap_or_default().to_owned();
    let operation = format!("{}.", text(event, "/activityDisplayName"));
    let user = text(event, "/initiatedBy/user/userPrincipalName");
    let principal = text(event, "/initiatedBy/app/servicePrincipalId");
    let actor = if user.is_empty() {
        let name = text(event, "/initiatedBy/app/displayName");
        mixed("ServicePrincipal", principal, [name, ""])
    } else {
        mixed("User", text(event, "/initiatedBy/user/id"), [user, ""])
    };
    let of_target = |name: &str| text(event, &format!("/targetResources/0/{name}"));
    let properties = event.pointer("/targetResources/0/modifiedProperties");
    let changed: Vec<Value> = properties
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|property| {
            json!({
                "Name": property["displayName"], "NewValue": property["newValue"],
                "OldValue": property["oldValue"],
            })
        })
        .collect();
    let data = json!({
        "CreationTime": second, "Id": record, "Operation": operation, "OrganizationId": tenant,
        "RecordType": 8, "ResultStatus": "Success", "UserKey": principal, "UserType": 0, "Version": 1,
        "Workload": "AzureActiveDirectory", "ClientIP": event.pointer("/initiatedBy/user/ipAddress"),
        "ObjectId": of_target("displayName"), "UserId": user, "AzureActiveDirectoryEventType": 1,
        "ExtendedProperties": [], "ModifiedProperties": changed, "Actor": actor,
        "Target": mixed(of_target("type"), of_target("id"), [of_target("userPrincipalName"), of_target("displayName")]),
    });
    let row =
        [&record, &format!("{second}.0000000Z "), "8", &operation, user, &data.to_string(), "", ""];
    row.map(str::to_owned).to_vec()
}

fn table<'h>(
    headings: impl IntoIterator<Item = &'h str>,
    rows: impl Iterator<Item = Vec<String>>,
) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(headings)?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}

impl Exporter<'_> {
    /// The whole log so far, as one file in the dialect that was asked for.
    pub(super) fn foreign_log(&mut self) -> Result<(), SynthError> {
        let events = audit::events(self.tenant, i64::MIN, start_of(self.day));
        let (seed, tenant) = (self.options.seed, self.tenant.id.clone());
        let (name, ending, text) = match self.options.log {
            LogFormat::Graph => return Ok(()),
            LogFormat::DiagnosticSettings => {
                let lines = events.iter().map(|event| format!("{}\n", diagnostic(&tenant, event)));
                ("insights-logs-auditlogs", "json", Ok(lines.collect::<String>().into_bytes()))
            }
            LogFormat::LogAnalytics => {
                let rows = events.iter().map(|event| table_row(&tenant, event));
                ("AuditLogs", "csv", table(TABLE, rows))
            }
            LogFormat::UnifiedAuditLog => {
                let rows = events.iter().map(|event| unified_row(seed, &tenant, event));
                ("UnifiedAuditLog", "csv", table(UNIFIED, rows))
            }
        };
        let name = self.stamped(name, self.clock, ending);
        let path = self.folder.join(&name);
        let text = text.map_err(|source| SynthError::Write { path, source })?;
        self.clock += 1;
        self.file(&name, &text)
    }
}
