//! What goes over the wire as PostgreSQL has it.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::types::Uuid;
use sqlx::{Decode, Encode, Postgres, Type};

use crate::job_id::JobId;
use crate::timestamp::Timestamp;

pub(super) fn uuid(job: JobId) -> Uuid {
    Uuid::from_u128(job.as_u128())
}

pub(super) fn job_id(uuid: Uuid) -> JobId {
    JobId::from_u128(uuid.as_u128())
}

/// From 1970 to 2000, from where PostgreSQL counts.
const OFFSET: i64 = 946_684_800_000_000;

/// What stands for a byte of zero in a text, which PostgreSQL does not take: a code that is no character.
const ZERO: char = '\u{10FFFE}';

/// A text as PostgreSQL takes it.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', ZERO.encode_utf8(&mut [0; 4]))
}

/// A text as it stands in a statement, whatever the settings say of backslashes.
pub(super) fn quoted(said: &str) -> String {
    format!("E'{}'", text(said).replace('\\', "\\\\").replace('\'', "''"))
}

/// A text as it was.
pub(super) fn untext(mut text: String) -> String {
    if text.contains(ZERO) {
        text = text.replace(ZERO, "\0");
    }
    text
}

/// A moment, as `timestamptz`; what is beyond its end is `infinity`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment(pub(super) Timestamp);

/// The end of the year 9999: what comes later is kept as `infinity`.
const LAST: u64 = 253_402_300_799_999_999;

impl Moment {
    /// Whether it is later than any that can be written as text.
    pub(super) fn is_beyond(self) -> bool {
        self.0.as_micros() > LAST
    }

    fn micros(self) -> i64 {
        if self.is_beyond() {
            return i64::MAX;
        }
        i64::try_from(self.0.as_micros()).map_or(i64::MAX, |micros| micros - OFFSET)
    }

    fn from_micros(micros: i64) -> Self {
        let since = if micros == i64::MAX {
            u64::MAX
        } else {
            u64::try_from(micros.saturating_add(OFFSET)).unwrap_or(0)
        };
        Self(Timestamp::from_micros(since))
    }
}

/// The numbers of `timestamptz`, and of an array of it, which are the same everywhere. Who says the name instead asks for the
/// number first, and a server forgets by that what has no name.
const TIMESTAMPTZ: Oid = Oid(1184);
const TIMESTAMPTZ_ARRAY: Oid = Oid(1185);

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl PgHasArrayType for Moment {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ_ARRAY)
    }
}

impl Encode<'_, Postgres> for Moment {
    fn encode_by_ref(&self, out: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        out.extend_from_slice(&self.micros().to_be_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Moment {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Binary => Ok(Self::from_micros(i64::from_be_bytes(value.as_bytes()?.try_into()?))),
            PgValueFormat::Text => Err("moments are asked for in binary".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_what_it_was() {
        for micros in [0, 1, 946_684_800_000_000, 1_764_000_000_123_456] {
            let moment = Timestamp::from_micros(micros);
            assert_eq!(Moment::from_micros(Moment(moment).micros()).0, moment);
        }
        let end = Timestamp::from_micros(u64::MAX);
        assert_eq!(Moment::from_micros(Moment(end).micros()).0, end);
    }

    #[test]
    fn a_text_is_what_it_was() {
        for said in ["", "a", "a\0b\0", "é"] {
            let kept = text(said);
            assert!(!kept.contains('\0'));
            assert_eq!(untext(kept), said);
        }
    }
}
