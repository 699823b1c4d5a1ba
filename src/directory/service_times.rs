//! Properties whose times the service sets and no caller can choose: `data/service_times.csv`.

use serde::Deserialize;

use super::Catalogue;

const SERVICE_TIMES: &str = include_str!("data/service_times.csv");

#[derive(Deserialize)]
struct TimeRow {
    #[serde(rename = "type")]
    object_type: String,
    path: String,
    source: String,
}

impl Catalogue {
    pub(super) fn load_service_times(&mut self) {
        for row in self.rows::<TimeRow>("service_times", SERVICE_TIMES) {
            let known = row.object_type == "*" || self.types.contains_key(&row.object_type);
            if self.sound("service_times", &row.path, &row.source, "") && known {
                self.service_times.push((row.object_type, row.path));
            } else {
                self.fault("service_times", format_args!("{} {}", row.object_type, row.path));
            }
        }
    }

    /// Paths of the properties of a type that hold a time set by the service.
    pub fn service_times(&self, object_type: &str) -> impl Iterator<Item = &str> {
        self.service_times
            .iter()
            .filter(move |(of, _)| of == "*" || of == object_type)
            .map(|(_, path)| path.as_str())
    }
}
