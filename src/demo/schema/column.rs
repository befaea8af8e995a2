//! Definitions of columns and indexes, with short constructors.

use crate::family::OPEN_END;
use crate::model::Version;

/// The type of a column, independent of any database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Primary key that the database generates, as wide as [`ColumnType::Int`].
    Id,
    /// Primary key that the database generates, as wide as [`ColumnType::BigInt`].
    BigId,
    /// 32 bits.
    Int,
    /// 64 bits.
    BigInt,
    /// 8 bits in MySQL, 32 bits in PostgreSQL.
    TinyInt,
    /// Text of at most this many characters.
    VarChar(u16),
    /// Text.
    Text,
    /// Text; MySQL's widest.
    LongText,
    /// Date and time without a zone.
    Time,
    /// The same; MySQL's `timestamp`, which it converts by the session's zone.
    Stamp,
}

impl ColumnType {
    /// Whether it is a date and time.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(self, Self::Time | Self::Stamp)
    }
}

/// The value of a column that an insert omits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// This number.
    Int(i64),
    /// This text.
    Text(&'static str),
    /// The database's current time.
    Now,
    /// MySQL: the current time, also at every later write. PostgreSQL: none, and it is never
    /// filled; the current time once if it may not be NULL.
    Touched,
}

/// The releases in which something exists: from `since` on, up to but excluding `before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Releases {
    pub(super) since: Version,
    pub(super) before: Version,
}

impl Releases {
    pub(super) const ALWAYS: Self = Self {
        since: Version::new(0, 0, 0),
        before: OPEN_END,
    };

    pub(super) fn includes(self, version: Version) -> bool {
        self.since <= version && version < self.before
    }
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnDef {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
    /// Whether it may be NULL.
    pub null: bool,
    /// Its value if an insert omits it; `None` means NULL, or an error if it may not be NULL.
    pub default: Option<DefaultValue>,
    life: Releases,
}

impl ColumnDef {
    const fn new(name: &'static str, kind: ColumnType) -> Self {
        Self {
            name,
            kind,
            null: true,
            default: None,
            life: Releases::ALWAYS,
        }
    }

    pub(super) const fn required(mut self) -> Self {
        self.null = false;
        self
    }

    pub(super) const fn default(mut self, value: i64) -> Self {
        self.default = Some(DefaultValue::Int(value));
        self
    }

    pub(super) const fn default_text(mut self, value: &'static str) -> Self {
        self.default = Some(DefaultValue::Text(value));
        self
    }

    pub(super) const fn now(mut self) -> Self {
        self.default = Some(DefaultValue::Now);
        self
    }

    pub(super) const fn touched(mut self) -> Self {
        self.default = Some(DefaultValue::Touched);
        self
    }

    pub(super) const fn since(mut self, release: Version) -> Self {
        self.life.since = release;
        self
    }

    pub(super) const fn before(mut self, release: Version) -> Self {
        self.life.before = release;
        self
    }

    pub(super) fn lives_in(&self, version: Version) -> bool {
        self.life.includes(version)
    }
}

pub(super) const fn id() -> ColumnDef {
    ColumnDef::new("id", ColumnType::Id).required()
}

pub(super) const fn big_id() -> ColumnDef {
    ColumnDef::new("id", ColumnType::BigId).required()
}

pub(super) const fn int(name: &'static str) -> ColumnDef {
    ColumnDef::new(name, ColumnType::Int)
}

pub(super) const fn bigint(name: &'static str) -> ColumnDef {
    ColumnDef::new(name, ColumnType::BigInt)
}

pub(super) const fn tiny(name: &'static str) -> ColumnDef {
    ColumnDef::new(name, ColumnType::TinyInt)
}

pub(super) const fn varchar(name: &'static str, length: u16) -> ColumnDef {
    ColumnDef::new(name, ColumnType::VarChar(length))
}

pub(super) const fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name, ColumnType::Text)
}

pub(super) const fn long_text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name, ColumnType::LongText)
}

pub(super) const fn time(name: &'static str) -> ColumnDef {
    ColumnDef::new(name, ColumnType::Time)
}

pub(super) const fn stamp(name: &'static str) -> ColumnDef {
    ColumnDef::new(name, ColumnType::Stamp)
}

/// Which of upstream's scripts have an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// Both.
    Everywhere,
    /// Only MySQL's.
    MySql,
    /// Only PostgreSQL's.
    Postgres,
}

/// An index besides the primary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexDef {
    /// Its name within the table.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [&'static str],
    /// Whether two rows may not have the same values.
    pub unique: bool,
    /// The databases that have it.
    pub databases: Where,
    life: Releases,
}

impl IndexDef {
    pub(super) const fn on(name: &'static str, columns: &'static [&'static str]) -> Self {
        Self {
            name,
            columns,
            unique: false,
            databases: Where::Everywhere,
            life: Releases::ALWAYS,
        }
    }

    pub(super) const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    pub(super) const fn only(mut self, databases: Where) -> Self {
        self.databases = databases;
        self
    }

    pub(super) const fn since(mut self, release: Version) -> Self {
        self.life.since = release;
        self
    }

    pub(super) const fn before(mut self, release: Version) -> Self {
        self.life.before = release;
        self
    }

    pub(super) fn lives_in(&self, version: Version) -> bool {
        self.life.includes(version)
    }
}
