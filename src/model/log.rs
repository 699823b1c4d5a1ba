//! Records of logs: what happened, who did it, to what; the same from every dialect, as far as it carries it.

use jiff::Timestamp;

use super::receipt::Receipt;

/// What a record of a log is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogKind {
    /// A change or another act, with actor and targets.
    Audit,
    /// A sign-in.
    SignIn,
    /// A detection of risk, or a change of a risk state.
    Risk,
    /// A request to Microsoft Graph.
    GraphActivity,
    /// A step of provisioning.
    Provisioning,
    /// A record of the backup service: a snapshot, a job, or a difference that it names.
    Recovery,
    /// A record of a log that says nothing of the directory.
    Other,
}

impl LogKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Audit,
        Self::SignIn,
        Self::Risk,
        Self::GraphActivity,
        Self::Provisioning,
        Self::Recovery,
        Self::Other,
    ];

    /// The word that tables use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::SignIn => "signIn",
            Self::Risk => "risk",
            Self::GraphActivity => "graphActivity",
            Self::Provisioning => "provisioning",
            Self::Recovery => "recovery",
            Self::Other => "other",
        }
    }

    /// The kind that a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How finely a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// So many digits behind the second, 1 to 9.
    Digits(u8),
    /// Whole seconds.
    Second,
    /// Whole minutes.
    Minute,
}

/// When an event happened, as its dialect writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime {
    /// The instant, what is not written being zero.
    pub at: Timestamp,
    /// How finely it is written.
    pub precision: Precision,
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActorKind {
    /// A person, or whoever uses the account.
    User,
    /// An application without a user.
    App,
    /// A service of Microsoft's that names itself but has no id.
    Service,
}

/// Who did it, as far as the record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What it is.
    pub kind: ActorKind,
    /// Object id of the user or service principal.
    pub id: Option<String>,
    /// User principal name or display name.
    pub name: Option<String>,
}

/// A property that an event says was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModifiedProperty {
    /// As the log calls it: mostly no name of Graph's.
    pub name: String,
    /// The value before, as text; a JSON string in it is unwrapped once. `None` where the side is not recorded.
    pub old: Option<String>,
    /// The value after.
    pub new: Option<String>,
}

/// What it was done to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogTarget {
    /// Object id.
    pub id: Option<String>,
    /// Type, as the log calls it.
    pub object_type: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// User principal name.
    pub user_principal_name: Option<String>,
    /// What was changed.
    pub properties: Vec<ModifiedProperty>,
}

/// One record of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// What it is about.
    pub kind: LogKind,
    /// Its type as Graph calls it: `directoryAudit`, `signIn`, `auditLogRecord`.
    pub object_type: String,
    /// How it is written down.
    pub dialect: String,
    /// When it happened.
    pub time: Option<EventTime>,
    /// Id that the service gave it.
    pub id: Option<String>,
    /// What it shares with the other records of the same request.
    pub correlation_id: Option<String>,
    /// What was done.
    pub activity: Option<String>,
    /// Category.
    pub category: Option<String>,
    /// Service that logged it.
    pub service: Option<String>,
    /// Outcome.
    pub result: Option<String>,
    /// Reason of the outcome.
    pub reason: Option<String>,
    /// Who did it.
    pub actor: Option<Actor>,
    /// Application that was used or acted.
    pub app_id: Option<String>,
    /// What it was done to.
    pub targets: Vec<LogTarget>,
    /// Further details, as keys and values.
    pub details: Vec<(String, String)>,
    /// Tenant, where the record names it.
    pub tenant: Option<String>,
    /// Address that it came from.
    pub ip: Option<String>,
    /// Client that it came from.
    pub user_agent: Option<String>,
    /// Whether the dialect or a limit may have cut targets or properties off.
    pub is_cut: bool,
    /// Where it stands in the evidence.
    pub receipt: Option<Receipt>,
}

/// An activity as it compares: dialects differ in letter case, dashes, blanks and a full stop at the end.
#[must_use]
pub fn plain_activity(activity: &str) -> String {
    let text = activity.to_lowercase().replace(['\u{2013}', '\u{2014}'], "-");
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").trim_end_matches(['.', ' ']).to_owned()
}

/// One log of one tenant: from when to when it has events, and where it has none for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// What it is about.
    pub kind: LogKind,
    /// Its type as Graph calls it.
    pub object_type: String,
    /// Dialects that it is written in, in order.
    pub dialects: Vec<String>,
    /// First event.
    pub from: Option<Timestamp>,
    /// Last event.
    pub to: Option<Timestamp>,
    /// Events, each counted once.
    pub events: u64,
    /// Records that repeat an event.
    pub repeated: u64,
    /// Those of them that are in the dialect of the first record of the event, but not in its words.
    pub differing: u64,
    /// Events whose time cannot be read.
    pub undated: u64,
    /// Events whose targets or properties the dialect may have cut off.
    pub cut: u64,
    /// Exhibits that it is in.
    pub exhibits: u64,
    /// The longest spans without an event, in the order of time: hints, no proof that anything is missing.
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// How many such spans there are.
    pub gap_count: u64,
    /// Whether an exhibit of it is known to lack records.
    pub is_partial: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_an_activity_compare_equal() {
        let plain = "update application - certificates and secrets management";
        for text in [
            "Update application \u{2013} Certificates and secrets management ",
            "Update application - Certificates and secrets  management.",
        ] {
            assert_eq!(plain_activity(text), plain);
        }
    }
}
