//! Texts of a certain form, for the description.

use twilight_model::id::Id;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// One of Discord's ids, as the API writes it: a text, since a number would lose digits in many programs.
pub struct DiscordId;

/// An e-mail address of plain letters.
pub struct Email;

impl PartialSchema for DiscordId {
    fn schema() -> RefOr<Schema> {
        text("One of Discord's ids", "^[1-9][0-9]{0,18}$")
    }
}

impl ToSchema for DiscordId {}

impl PartialSchema for Email {
    fn schema() -> RefOr<Schema> {
        text("An e-mail address", r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")
    }
}

impl ToSchema for Email {}

fn text(description: &str, pattern: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description)).pattern(Some(pattern)).into()
}

/// An id of Discord's, if this is how it is written: an id has one name.
pub(crate) fn discord_id<T>(text: &str) -> Option<Id<T>> {
    text.parse().ok().filter(|id: &Id<T>| id.to_string() == text)
}
