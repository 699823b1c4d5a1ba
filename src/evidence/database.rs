//! `SQLite` databases in evidence: a private copy of the bytes is opened, never the file itself.
//!
//! What enters are the bytes of an exhibit while they are hashed. A small database is held in memory, a larger one in a
//! folder of its own below the system's folder for temporary files, which only this account may enter and which goes when
//! the database is closed, or the run is interrupted. Only plain tables are read: no view, trigger or virtual table runs,
//! nothing of the schema is trusted, no extension is loaded, and no cell is larger than a record may be. What a
//! write-ahead log or a journal beside the file holds is not applied: rows follow from the hashed bytes alone.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

use crate::unfinished::Unfinished;

/// What every database begins with.
pub const MAGIC: &[u8] = b"SQLite format 3\0";

/// What a write-ahead log begins with, by the byte order of its checksums, and what a journal does.
const LOGS: [&[u8]; 3] =
    [b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83", b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"];

/// Databases up to this size are held in memory; those of most tenants take more.
const IN_MEMORY_BYTES: usize = 16 * 1024 * 1024;

/// Largest cell or row: what a record may have.
const MOST_CELL_BYTES: i32 = 64 * 1024 * 1024;

/// Longest text of SQL, that of the schema of an exhibit among it; tables of real tools have some hundred columns.
const MOST_SQL_BYTES: i32 = 1024 * 1024;

/// The two bytes of the header that say whether the database has a write-ahead log, and what they are without one.
const JOURNAL_MODE: std::ops::Range<usize> = 18..20;
const NO_LOG: [u8; 2] = [1, 1];

/// Whether bytes begin as those of a write-ahead log or of a journal do.
#[must_use]
pub fn is_log(head: &[u8]) -> bool {
    LOGS.iter().any(|magic| head.starts_with(magic))
}

/// A database that is being copied.
#[derive(Debug)]
pub struct DatabaseCopy {
    small: Vec<u8>,
    large: Option<LargeCopy>,
}

#[derive(Debug)]
struct LargeCopy {
    file: File,
    path: PathBuf,
    folder: Unfinished,
}

impl DatabaseCopy {
    /// Begins with nothing.
    #[must_use]
    pub fn new() -> Self {
        Self { small: Vec::new(), large: None }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// What the system says where the copy is written, with the name of the folder.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.large.is_none() {
            if self.small.len() + bytes.len() <= IN_MEMORY_BYTES {
                self.small.extend_from_slice(bytes);
                return Ok(());
            }
            let mut large = LargeCopy::begin()?;
            without_log(&mut self.small);
            large.write(&self.small)?;
            self.small = Vec::new();
            self.large = Some(large);
        }
        match &mut self.large {
            Some(large) => large.write(bytes),
            None => Ok(()),
        }
    }

    /// Opens the copy.
    ///
    /// # Errors
    /// What `SQLite` says of it.
    pub fn open(mut self) -> Result<Database, String> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let said = |error: rusqlite::Error| error.to_string();
        let (connection, folder) = match self.large {
            Some(LargeCopy { file, path, folder }) => {
                drop(file);
                (Connection::open_with_flags(path, flags).map_err(said)?, Some(folder))
            }
            None => {
                without_log(&mut self.small);
                let mut connection = Connection::open_in_memory().map_err(said)?;
                let (bytes, length) = (self.small.as_slice(), self.small.len());
                connection.deserialize_read_exact("main", bytes, length, true).map_err(said)?;
                // What is sorted fits where the database does.
                connection.pragma_update(None, "temp_store", "MEMORY").map_err(said)?;
                (connection, None)
            }
        };
        harden(&connection).map_err(said)?;
        Ok(Database { connection, _folder: folder })
    }
}

impl Default for DatabaseCopy {
    fn default() -> Self {
        Self::new()
    }
}

impl LargeCopy {
    fn begin() -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let goal = env::temp_dir().join(format!("entrace-{}-{number}", std::process::id()));
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot copy it to {}: {error}", goal.display()))
        };
        let folder = Unfinished::of(&goal);
        let at = folder.folder_of_its_own(&goal).map_err(named)?;
        only_for_us(&at).map_err(named)?;
        let path = at.join("copy");
        let file = options().open(&path).map_err(named)?;
        Ok(Self { file, path, folder })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).map_err(|error| {
            let path = self.path.display();
            io::Error::new(error.kind(), format!("cannot copy it to {path}: {error}"))
        })
    }
}

#[cfg(unix)]
fn only_for_us(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "elsewhere the folder for temporary files is the account's own"
)]
fn only_for_us(_folder: &Path) -> io::Result<()> {
    Ok(())
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Without its log a database is read as it lies there; with the mark, one in memory could not be opened at all.
fn without_log(head: &mut [u8]) {
    if let Some(mode) = head.get_mut(JOURNAL_MODE) {
        mode.copy_from_slice(&NO_LOG);
    }
}

fn harden(connection: &Connection) -> rusqlite::Result<()> {
    let on = [DbConfig::SQLITE_DBCONFIG_DEFENSIVE];
    let off = [
        DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA,
        DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER,
        DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW,
        DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER,
        DbConfig::SQLITE_DBCONFIG_DQS_DML,
        DbConfig::SQLITE_DBCONFIG_DQS_DDL,
    ];
    for config in on {
        connection.set_db_config(config, true)?;
    }
    for config in off {
        connection.set_db_config(config, false)?;
    }
    let limits = [
        (Limit::SQLITE_LIMIT_LENGTH, MOST_CELL_BYTES),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, MOST_SQL_BYTES),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ];
    for (limit, most) in limits {
        connection.set_limit(limit, most)?;
    }
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)
}

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// NULL.
    Null,
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Real(f64),
    /// Text, which may be no UTF-8.
    Text(&'a [u8]),
    /// Bytes.
    Blob(&'a [u8]),
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseColumn {
    /// Its name.
    pub name: String,
    /// The type that it was declared with.
    pub declared: String,
}

/// A table, or what pretends to be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseTable {
    /// Its name.
    pub name: String,
    /// Whether it is a plain one: no view, no virtual table.
    pub is_plain: bool,
}

/// Which rows of a table are read, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// All from the first on.
    All,
    /// Those behind a row, from the last back to it.
    Behind(i64),
    /// One.
    One(i64),
}

/// A database that can only be read.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    /// Goes after the connection to what lies in it.
    _folder: Option<Unfinished>,
}

impl Database {
    /// Its tables by name.
    ///
    /// # Errors
    /// What `SQLite` says: most often that the schema is damaged.
    pub fn tables(&self) -> Result<Vec<DatabaseTable>, String> {
        let sql = "SELECT name, type FROM pragma_table_list WHERE schema = 'main' ORDER BY name";
        let read = |row: &Row<'_>| {
            let kind: String = row.get(1)?;
            Ok(DatabaseTable { name: row.get(0)?, is_plain: kind == "table" })
        };
        let tables: Vec<DatabaseTable> = self.all(sql, [], read)?;
        Ok(tables.into_iter().filter(|table| !table.name.starts_with("sqlite_")).collect())
    }

    /// The columns of a table that hold what was stored; computed ones are none.
    ///
    /// # Errors
    /// What `SQLite` says.
    pub fn columns(&self, table: &str) -> Result<Vec<DatabaseColumn>, String> {
        let sql = "SELECT name, type FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY cid";
        self.all(sql, [table], |row| {
            Ok(DatabaseColumn { name: row.get(0)?, declared: row.get(1)? })
        })
    }

    /// Number of rows of a table.
    ///
    /// # Errors
    /// What `SQLite` says.
    pub fn count(&self, table: &str) -> Result<u64, String> {
        let sql = format!("SELECT count(*) FROM {} NOT INDEXED", quoted(table));
        let count: Result<i64, _> = self.connection.query_row(&sql, [], |row| row.get(0));
        count.map(|count| u64::try_from(count).unwrap_or(0)).map_err(|error| error.to_string())
    }

    /// Whether a column holds anything but NULL.
    ///
    /// # Errors
    /// What `SQLite` says.
    pub fn has_values(&self, table: &str, column: &str) -> Result<bool, String> {
        let (table, column) = (quoted(table), quoted(column));
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} IS NOT NULL)");
        self.connection.query_row(&sql, [], |row| row.get(0)).map_err(|error| error.to_string())
    }

    /// Reads rows of a table: `take` gets the number of each and its cells, and says whether to go on.
    ///
    /// # Errors
    /// What `SQLite` says; rows before that were taken.
    pub fn rows(
        &self,
        table: &str,
        columns: &[DatabaseColumn],
        rows: Rows,
        take: &mut dyn FnMut(i64, &[Cell<'_>]) -> ControlFlow<()>,
    ) -> Result<(), String> {
        let row_number = row_number(columns)?;
        let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
        let (which, number) = match rows {
            Rows::All => ("ORDER BY 1".to_owned(), None),
            Rows::Behind(row) => (format!("WHERE {row_number} > ?1 ORDER BY 1 DESC"), Some(row)),
            Rows::One(row) => (format!("WHERE {row_number} = ?1"), Some(row)),
        };
        let sql = format!(
            "SELECT {row_number}, {} FROM {} NOT INDEXED {which}",
            names.join(", "),
            quoted(table)
        );
        self.each(&sql, rusqlite::params_from_iter(number), columns.len() + 1, take)
    }

    /// Reads two columns of several tables, by the first of the two: `take` gets the number of each row, and as cells the
    /// position of its table and the two values.
    ///
    /// # Errors
    /// What `SQLite` says.
    pub fn pairs(
        &self,
        tables: &[(&str, &str, &str)],
        take: &mut dyn FnMut(i64, &[Cell<'_>]) -> ControlFlow<()>,
    ) -> Result<(), String> {
        let mut parts = Vec::with_capacity(tables.len());
        for (place, (table, from, to)) in tables.iter().enumerate() {
            let row_number = row_number(&self.columns(table)?)?;
            let (table, from, to) = (quoted(table), quoted(from), quoted(to));
            parts.push(format!("SELECT {row_number}, {place}, {from}, {to} FROM {table}"));
        }
        let sql = format!("{} ORDER BY 3, 2, 1", parts.join(" UNION ALL "));
        self.each(&sql, [], 4, take)
    }

    fn all<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, String> {
        let said = |error: rusqlite::Error| error.to_string();
        let mut statement = self.connection.prepare(sql).map_err(said)?;
        let rows = statement.query_map(values, read).map_err(said)?;
        rows.collect::<rusqlite::Result<_>>().map_err(said)
    }

    /// Hands on rows whose first column is the number.
    fn each(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        width: usize,
        take: &mut dyn FnMut(i64, &[Cell<'_>]) -> ControlFlow<()>,
    ) -> Result<(), String> {
        let said = |error: rusqlite::Error| error.to_string();
        let mut statement = self.connection.prepare(sql).map_err(said)?;
        let mut rows = statement.query(values).map_err(said)?;
        while let Some(row) = rows.next().map_err(said)? {
            let number: i64 = row.get(0).map_err(said)?;
            let mut cells = Vec::with_capacity(width);
            for place in 1..width {
                cells.push(cell(row.get_ref(place).map_err(said)?));
            }
            if take(number, &cells).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn cell(value: ValueRef<'_>) -> Cell<'_> {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(text) => Cell::Text(text),
        ValueRef::Blob(bytes) => Cell::Blob(bytes),
    }
}

/// What the number of a row is called in a table with these columns; any of the names may be one of them.
fn row_number(columns: &[DatabaseColumn]) -> Result<&'static str, String> {
    ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|name| columns.iter().all(|column| !column.name.eq_ignore_ascii_case(name)))
        .ok_or_else(|| "its rows have no numbers".to_owned())
}

/// A name as SQL has it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(sql: &str) -> Vec<u8> {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        connection.serialize("main").unwrap().to_vec()
    }

    fn open(bytes: &[u8]) -> Result<Database, String> {
        let mut copy = DatabaseCopy::new();
        copy.push(bytes).unwrap();
        copy.open()
    }

    #[test]
    fn plain_tables_are_read_and_nothing_else() {
        let bytes = made(
            r#"CREATE TABLE "a""b" (rowid TEXT, x BLOB, y AS (zeroblob(9)));
            INSERT INTO "a""b" (rowid, x) VALUES ('t', x'00ff'), (NULL, 1.5), (2, 'é');
            CREATE VIEW v AS SELECT * FROM "a""b";
            CREATE VIRTUAL TABLE f USING fts5(x);
            CREATE TABLE w (id TEXT PRIMARY KEY) WITHOUT ROWID;"#,
        );
        let database = open(&bytes).unwrap();
        let plain: Vec<(String, bool)> = database
            .tables()
            .unwrap()
            .into_iter()
            .map(|table| (table.name, table.is_plain))
            .filter(|(name, _)| name.len() < 4)
            .collect();
        let of = |name: &str, plain| (name.to_owned(), plain);
        assert_eq!(plain, [of("a\"b", true), of("f", false), of("v", false), of("w", true)]);
        let columns = database.columns("a\"b").unwrap();
        assert_eq!(columns.len(), 2);
        let mut seen = Vec::new();
        let mut take = |row: i64, cells: &[Cell<'_>]| {
            seen.push(format!("{row} {cells:?}"));
            ControlFlow::Continue(())
        };
        database.rows("a\"b", &columns, Rows::All, &mut take).unwrap();
        assert_eq!(
            seen,
            [
                "1 [Text([116]), Blob([0, 255])]",
                "2 [Null, Real(1.5)]",
                "3 [Text([50]), Text([195, 169])]"
            ]
        );
        let all = |table| {
            let columns = database.columns(table).unwrap();
            database.rows(table, &columns, Rows::All, &mut |_, _| ControlFlow::Continue(()))
        };
        assert!(all("w").unwrap_err().contains("rowid"));
        assert!(all("v").unwrap_err().contains("prohibited"));
        let write = database.connection.execute_batch("CREATE TABLE n (x)");
        assert!(write.is_err());
    }

    #[test]
    fn a_large_copy_is_private_and_goes_with_the_database() {
        let filler = IN_MEMORY_BYTES + 4096;
        let bytes =
            made(&format!("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob({filler}));"));
        let mut copy = DatabaseCopy::new();
        bytes.chunks(1 << 20).for_each(|chunk| copy.push(chunk).unwrap());
        let folder = copy.large.as_ref().unwrap().path.parent().unwrap().to_owned();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        let database = copy.open().unwrap();
        assert_eq!(database.count("t").unwrap(), 1);
        drop(database);
        assert!(!folder.exists());
    }

    #[test]
    fn one_in_write_ahead_mode_opens_and_damage_is_an_error() {
        let mut bytes = made("CREATE TABLE t (x); INSERT INTO t VALUES (1);");
        bytes[18] = 2;
        bytes[19] = 2;
        assert_eq!(open(&bytes).unwrap().count("t").unwrap(), 1);
        for at in (0..bytes.len()).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x5a;
            if let Ok(database) = open(&damaged) {
                drop(database.tables());
                drop(database.count("t"));
            }
        }
        assert!(open(&bytes[..60]).and_then(|database| database.tables()).is_err());
    }
}
