//! The pages: what admins see and set. Each calls what the API's operations call, so that the same rules hold.

mod account; // where somebody belongs, and their sessions
mod bot; // the account's own Discord application
mod chart; // a month in bars
mod dress; // what all answers share: problems as pages, headers
mod form; // forms as browsers send them
mod format; // numbers and times for people
mod health; // what is wrong with a server, and how to mend it
mod knowledge; // what answers are taken from
mod markdown; // answers and passages as HTML that can do no harm
mod notifications; // who is told what happens
mod overview; // how everything is
mod playground; // a question as in Discord
mod preferences; // language and colours
mod questions; // what the documents did not answer
mod retrieval; // what a question finds
mod server; // one server's settings
mod servers; // the account's servers
mod shell; // what stands around every page
mod source; // one source
mod team; // members, invitations, who changed what
mod tokens; // API tokens
mod usage; // the month's messages, and the plan
mod visitor; // who looks at a page

pub(super) use dress::dress;

use super::problem::Problem;
use crate::bot::Bot;
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// All pages, and the answer for addresses where nothing is. All of it is to be [dressed](dress).
pub(super) fn router() -> Router<Arc<Bot>> {
    Router::new()
        .route("/", get(overview::show))
        .route("/servers", get(servers::show))
        .route("/servers/open", get(servers::open))
        .route("/servers/{id}", get(server::show).post(server::save))
        .route("/servers/{id}/disconnect", post(server::disconnect))
        .route("/servers/{id}/health", get(health::show))
        .route("/knowledge", get(knowledge::show))
        .route("/knowledge/list", get(knowledge::list))
        .route("/knowledge/add", get(knowledge::add_form).post(knowledge::add))
        .merge(Router::new().route("/knowledge/files", post(knowledge::add_files)).layer(knowledge::upload_limit()))
        .route("/knowledge/test", get(retrieval::show))
        .route("/knowledge/questions", get(questions::show))
        .route("/knowledge/questions/{id}/close", post(questions::close))
        .route("/knowledge/{id}", get(source::show))
        .route("/knowledge/{id}/progress", get(source::progress))
        .route("/knowledge/{id}/refresh", post(source::refresh))
        .route("/knowledge/{id}/remove", post(source::remove))
        .route("/playground", get(playground::show).post(playground::ask))
        .route("/usage", get(usage::show))
        .route("/notifications", get(notifications::show).post(notifications::save))
        .route("/bot", get(bot::show).post(bot::save))
        .route("/bot/remove", post(bot::remove))
        .route("/tokens", get(tokens::show).post(tokens::create))
        .route("/tokens/{id}/revoke", post(tokens::revoke))
        .route("/team", get(team::show))
        .route("/team/invitations", post(team::invite))
        .route("/team/invitations/{id}/revoke", post(team::uninvite))
        .route("/team/{id}/role", post(team::set_role))
        .route("/team/{id}/remove", post(team::remove))
        .route("/account", get(account::show))
        .route("/account/{id}/choose", post(account::choose))
        .route("/account/{id}/leave", post(account::leave))
        .route("/preferences", post(preferences::save))
        .merge(super::sign_in::router())
        .merge(super::connect::router())
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(CatchPanicLayer::custom(Problem::of_panic))
}
