//! The errors that operations may answer with, in groups, for the description.

use crate::dashboard::problem::Problem;
use utoipa::IntoResponses;

/// What every operation may answer.
#[derive(IntoResponses)]
pub enum Always {
    /// The token is missing, wrong or revoked.
    #[response(
        status = 401, content_type = "application/problem+json",
        headers(("WWW-Authenticate" = String, description = "`Bearer`: what kind of token is wanted")),
    )]
    Unauthorized(Problem),
    /// Too many requests, with this token or session or, where it is unknown, from this address.
    #[response(
        status = 429, content_type = "application/problem+json",
        headers(
            ("Retry-After" = u64, description = "Seconds until the next request may succeed"),
            ("RateLimit-Policy" = String, description = "The limits, as in draft-ietf-httpapi-ratelimit-headers-10"),
            ("RateLimit" = String, description = "What is left of them"),
        )
    )]
    TooMany(Problem),
    /// A mistake of Guildhall's.
    #[response(status = 500, content_type = "application/problem+json")]
    Mistake(Problem),
    /// Something that Guildhall needs does not answer; try again later.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// What every operation may answer that not everybody may do.
#[derive(IntoResponses)]
pub enum Forbidden {
    /// The token lacks the scope, the person's role is too small, or a change with a cookie came from no page of this
    /// server; the detail says which.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
}

/// What operations with a body may answer.
#[derive(IntoResponses)]
pub enum BadBody {
    /// The body cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body is of another media type.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(Problem),
    /// A field is missing, unknown or holds what cannot be used; the detail names it.
    #[response(status = 422, content_type = "application/problem+json")]
    Refused(Problem),
}

/// What operations with parameters may answer.
#[derive(IntoResponses)]
pub enum BadParams {
    /// A parameter is missing, unknown or out of its range; the detail names it.
    #[response(status = 400, content_type = "application/problem+json")]
    BadParameter(Problem),
}

/// What operations on one thing may answer.
#[derive(IntoResponses)]
pub enum Unknown {
    /// There is no such thing, or it is another account's.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
}

/// What an operation may answer that counts a message.
#[derive(IntoResponses)]
pub enum QuotaUsedUp {
    /// The month's messages are used up; or, with the header `Retry-After`, too many requests.
    #[response(status = 429, content_type = "application/problem+json")]
    UsedUp(Problem),
}

/// What a change may answer that was made of something older than what is there.
#[derive(IntoResponses)]
pub enum Overtaken {
    /// Somebody else has changed it since the version in `If-Match`.
    #[response(status = 412, content_type = "application/problem+json")]
    Changed(Problem),
}

/// What an operation may answer that something else must come before.
#[derive(IntoResponses)]
pub enum Conflict {
    /// As things are, it cannot be done; the detail says what must be done first.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
}

/// What an operation may answer on something that only one account can have.
#[derive(IntoResponses)]
pub enum TakenByAnother {
    /// Another account has it.
    #[response(status = 409, content_type = "application/problem+json")]
    Taken(Problem),
}
