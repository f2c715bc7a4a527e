//! Long lists in parts.

use super::extract::MAX_ID_CHARS;
use super::problem::Problem;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Entries of one part unless told otherwise.
const DEFAULT_LIMIT: usize = 100;
/// Entries of one part at most.
const MAX_LIMIT: usize = 500;

/// Which part of a list is wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// The `cursor` of the part before this one; none for the first.
    #[param(pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// Entries of this part at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
}

impl PageParams {
    /// Entries of this part at most.
    pub fn limit(&self) -> Result<u16, Problem> {
        checked_limit(self.limit)
    }

    /// The last entry of the part before this one, if there is one: when it was made, and its id.
    pub fn after(&self) -> Result<Option<(Timestamp, String)>, Problem> {
        let unknown = || Problem::bad_parameter("`cursor` must be one that an earlier part of this list contained.");
        self.cursor.as_ref().map(|cursor| read_cursor(cursor).ok_or_else(unknown)).transpose()
    }
}

/// The entry that a cursor names: when it was made, and its id. None where it is no cursor.
pub fn read_cursor(text: &str) -> Option<(Timestamp, String)> {
    // One that somebody made up must not become a key that the table does not take.
    Cursor::read(text).filter(|Cursor(_, id)| id.len() <= MAX_ID_CHARS).map(|Cursor(at, id)| (at, id))
}

/// Where the part behind this entry begins: when it was made, and its id.
pub fn cursor_at(at: Timestamp, id: &str) -> String {
    Cursor::of((at, id)).write()
}

/// One part of a list.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The entries, oldest first unless the list says otherwise.
    pub items: Vec<T>,
    /// Where the next part begins; none at the end of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl<T> Page<T> {
    /// The first `limit` entries of what is left of a list, of which there are more if `found` has more. `key` is when an
    /// entry was made, and its id.
    pub fn of(mut found: Vec<T>, limit: u16, key: impl Fn(&T) -> (Timestamp, &str)) -> Self {
        let more = found.len() > usize::from(limit);
        found.truncate(limit.into());
        let cursor = found.last().filter(|_| more).map(|last| Cursor::of(key(last)).write());
        Self { items: found, cursor }
    }

    /// The same part, with what callers see of its entries.
    pub fn map<U>(self, view: impl Fn(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(view).collect(), cursor: self.cursor }
    }
}

/// The last entry of a part. An entry that is added or deleted meanwhile moves none of the others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Cursor(Timestamp, String);

impl Cursor {
    fn of((at, id): (Timestamp, &str)) -> Self {
        Self(at, id.to_owned())
    }

    fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).expect("a time and a text are JSON"))
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

/// Entries of a part, where somebody wants so many.
pub fn checked_limit(limit: Option<usize>) -> Result<u16, Problem> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let fits = u16::try_from(limit).ok().filter(|_| (1..=MAX_LIMIT).contains(&limit));
    fits.ok_or_else(|| Problem::bad_parameter(format!("`limit` must be between 1 and {MAX_LIMIT}.")))
}

/// The part of `all` that `params` ask for, in the order of `key`: when an entry was made, and its id.
pub fn page<T>(
    mut all: Vec<T>,
    key: impl Fn(&T) -> (Timestamp, &str),
    params: &PageParams,
) -> Result<Page<T>, Problem> {
    let limit = params.limit()?;
    let cursor = |entry: &T| Cursor::of(key(entry));
    if let Some((at, id)) = params.after()? {
        let after = Cursor(at, id);
        all.retain(|entry| cursor(entry) > after);
    }
    all.sort_by_cached_key(&cursor);
    Ok(Page::of(all, limit, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Entry = (Timestamp, String);

    fn key(entry: &Entry) -> (Timestamp, &str) {
        (entry.0, &entry.1)
    }

    proptest! {
        #[test]
        fn the_parts_are_the_whole_list_in_order(
            entries in proptest::collection::btree_set((0_i64..5, "[a-z]{1,3}"), 0..40),
            limit in 1_usize..20,
        ) {
            let all: Vec<Entry> =
                entries.into_iter().map(|(at, id)| (Timestamp::from_second(at).unwrap(), id)).collect();
            let shuffled: Vec<Entry> = all.iter().rev().cloned().collect();
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let part = page(shuffled.clone(), key, &PageParams { cursor, limit: Some(limit) }).unwrap();
                prop_assert!(part.items.len() <= limit);
                seen.extend(part.items);
                cursor = part.cursor;
                if cursor.is_none() {
                    break;
                }
            }
            prop_assert_eq!(seen, all);
        }

        #[test]
        fn a_foreign_cursor_is_refused(cursor in "[A-Za-z0-9+/=_-]{0,40}") {
            let params = PageParams { cursor: Some(cursor), limit: None };
            prop_assert_eq!(page(Vec::<Entry>::new(), key, &params).unwrap_err().status, 400);
        }
    }

    #[test]
    fn a_limit_outside_its_range_is_refused() {
        for limit in [0, 501] {
            let params = PageParams { cursor: None, limit: Some(limit) };
            assert_eq!(page(Vec::<Entry>::new(), key, &params).unwrap_err().status, 400);
        }
    }
}
