//! `AzureHound` 2: items with a kind, one a line, and their number behind them. What is empty or false is left out.

use serde_json::{Map, Value, json};

use super::super::super::kinds::{Obj, Ty};
use super::super::super::tenant::Relation;
use super::super::Exporter;
use super::Object;

/// The file: items on lines of their own, and behind them what they are.
pub(super) fn text(items: &[Value]) -> Vec<u8> {
    let lines: Vec<String> = items.iter().map(|item| format!("\t\t{item}")).collect();
    let count = items.len();
    format!(
        "{{\n\t\"data\": [\n{}\n\t],\n\t\"meta\": {{\"type\":\"azure\",\"version\":5,\"count\":{count}}}\n}}\n",
        lines.join(",\n")
    )
    .into_bytes()
}

/// Kinds of items that are objects.
const KINDS: [(Ty, &str); 8] = [
    (Ty::User, "AZUser"),
    (Ty::Group, "AZGroup"),
    (Ty::Application, "AZApp"),
    (Ty::ServicePrincipal, "AZServicePrincipal"),
    (Ty::Device, "AZDevice"),
    (Ty::RoleDefinition, "AZRole"),
    (Ty::Organization, "AZTenant"),
    (Ty::AppRoleAssignment, "AZAppRoleAssignment"),
];

impl Exporter<'_> {
    fn hound_item(&mut self, kind: &str, mut data: Map<String, Value>) {
        data.insert("tenantId".to_owned(), json!(self.tenant.id));
        self.gathered.items.push(json!({"kind": kind, "data": data}));
    }

    pub(super) fn hound_objects(&mut self, ty: Ty, objects: &[Object]) {
        if ty == Ty::RoleAssignment {
            return self.hound_assignments(objects);
        }
        let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == ty) else { return };
        for (_, map) in objects {
            let mut data = map.clone();
            if ty == Ty::Organization {
                data.insert("id".to_owned(), json!(format!("/tenants/{}", self.tenant.id)));
                data.insert("collected".to_owned(), json!(true));
            }
            self.hound_item(kind, data);
        }
    }

    /// An item per role, whoever holds it.
    fn hound_assignments(&mut self, objects: &[Object]) {
        let at = self.now();
        for role in self.tenant.live(Ty::RoleDefinition, at) {
            let id = json!(self.tenant.key(role));
            let of_role = |(_, map): &&Object| map.get("roleDefinitionId") == Some(&id);
            let held: Vec<&Map<String, Value>> =
                objects.iter().filter(of_role).map(|(_, map)| map).collect();
            let list = if held.is_empty() { Value::Null } else { json!(held) };
            let data = json!({"roleAssignments": list, "roleDefinitionId": id});
            if let Value::Object(data) = data {
                self.hound_item("AZRoleAssignment", data);
            }
        }
    }

    pub(super) fn hound_links(&mut self, (source, relation): Relation, targets: &[Obj]) {
        let at = self.now();
        let (kind, list, item, parent) = match (source.ty, relation) {
            (Ty::Group, "members") => ("AZGroupMember", "members", "member", "groupId"),
            (Ty::Group, _) => ("AZGroupOwner", "owners", "owner", "groupId"),
            (Ty::Application, _) => ("AZAppOwner", "owners", "owner", "appId"),
            _ => ("AZServicePrincipalOwner", "owners", "owner", "servicePrincipalId"),
        };
        let id = if source.ty == Ty::Application {
            self.tenant.word(source, "appId", at)
        } else {
            self.tenant.key(source)
        };
        let items: Vec<Value> = targets
            .iter()
            .map(|target| {
                let object = json!({
                    "@odata.type": format!("#microsoft.graph.{}", target.ty.name()),
                    "id": self.tenant.key(*target),
                    "displayName": self.tenant.word(*target, "displayName", at),
                });
                json!({item: object, parent: id})
            })
            .collect();
        let list_value = if items.is_empty() { Value::Null } else { Value::Array(items) };
        let mut data = Map::new();
        data.insert(list.to_owned(), list_value);
        data.insert(parent.to_owned(), json!(id));
        self.hound_item(kind, data);
    }
}
