//! What lives under `/api/v1`, and its description for programs.

pub mod accounts; // the installation's accounts, and where somebody belongs
pub mod ask; // one question, one answer
pub mod audit; // who changed what
pub mod bot; // the account's own Discord application
pub mod connections; // how servers are connected and disconnected
pub mod formats; // texts of a certain form, for the description
pub mod guilds; // servers and their settings
pub mod knowledge; // sources and search
pub mod members; // who belongs to the account, and who may come to
pub mod notifications; // who is told what happens, and what has happened
pub mod plan; // what the account may use, and what its people should know
pub mod questions; // what the documents did not answer, and answers that somebody found wrong
pub mod refusals; // the errors that operations may answer with, for the description
pub mod servers; // what Discord says of servers, and what is wrong with them
pub mod tokens; // API tokens
pub mod usage; // who calls, and what was counted

use super::auth::Scope;
use super::problem::Problem;
use crate::account::Role;
use crate::bot::Bot;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{MethodFilter, on};
use pastey::paste;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::HttpMethod;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi as Description, RefOr};
use utoipa::{Modify, OpenApi};
use utoipa_axum::PathItemExt;

/// Where the API lives.
pub const PREFIX: &str = "/api/v1";

/// Largest body of a request, files apart. The longest question has 24 kB; a text of a megabyte is a book.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Serves operations, each with the layer behind its arrow, and describes the same ones.
macro_rules! operations {
    ($($module:ident::$operation:ident $(=> $layer:expr)?),+ $(,)?) => {
        #[derive(OpenApi)]
        #[openapi(
            info(
                title = "Guildhall",
                description = "Ask questions, and manage what they are answered from. Errors are `application/problem+json`. \
                               Lists that continue contain a `cursor` for the next part. Each token or session may send so many requests a \
                               minute, and fewer questions and uploads: the headers `RateLimit-Policy` and `RateLimit` say how many, \
                               and a 429 says in `Retry-After` when to come again.",
            ),
            servers((url = "/api/v1")),
            paths($($module::$operation),+),
            components(schemas(Problem, Role, Scope)),
            modifiers(&WaysIn),
            tags(
                (name = "ask", description = "Questions and answers"),
                (name = "knowledge", description = "What answers are taken from"),
                (name = "guilds", description = "Discord servers, and how Guildhall behaves in them"),
                (name = "bot", description = "The account's own Discord application"),
                (name = "account", description = "Usage, people and access"),
                (name = "installation", description = "All accounts, for those who run the installation"),
            ),
        )]
        struct Document;

        /// All operations, without [`PREFIX`].
        pub fn router() -> Router<Arc<Bot>> {
            paste! {
                Router::new()$(.route(
                    &<$module::[<__path_ $operation>] as utoipa::Path>::path(),
                    on(methods(&<$module::[<__path_ $operation>] as utoipa::Path>::methods()), $module::$operation)
                        $(.layer($layer))?,
                ))+
            }
        }
    };
}

operations! {
    ask::ask,
    knowledge::list_sources,
    knowledge::add_source,
    knowledge::upload_file => knowledge::upload_limit(),
    knowledge::get_source,
    knowledge::remove_source,
    knowledge::refresh_source,
    knowledge::search,
    guilds::list_guilds,
    connections::connect_guild,
    connections::get_invite,
    connections::list_available,
    guilds::get_guild,
    connections::disconnect_guild,
    questions::list_questions,
    questions::close_question,
    guilds::get_settings,
    guilds::change_settings,
    servers::list_channels,
    servers::list_roles,
    servers::get_guild_health,
    servers::get_health,
    bot::get_bot,
    bot::set_bot,
    bot::remove_bot,
    notifications::get_notifications,
    notifications::set_notifications,
    notifications::list_events,
    usage::me,
    usage::usage,
    usage::usage_history,
    usage::count_messages,
    plan::get_plan,
    plan::list_notices,
    tokens::list_tokens,
    tokens::create_token,
    tokens::get_token,
    tokens::revoke_token,
    members::list_members,
    members::change_member,
    members::remove_member,
    members::list_invitations,
    members::create_invitation,
    members::get_invitation,
    members::revoke_invitation,
    audit::list_audit,
    accounts::list_memberships,
    accounts::leave_account,
    accounts::choose_account,
    accounts::end_sessions,
    accounts::list_accounts,
    accounts::get_account,
    accounts::change_account,
}

struct WaysIn;

impl Modify for WaysIn {
    fn modify(&self, document: &mut Description) {
        let components = document.components.get_or_insert_default();
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some(
            "An API token, as `guildhall token create NAME` makes it. Each operation names the scope that it must have; \
             `operator` stands for the token of whoever runs the installation."
                .to_owned(),
        );
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let session = ApiKeyValue::with_description(
            "guildhall",
            "The session of a person who signed in at /sign-in; over TLS the cookie is called `__Host-guildhall`. Each \
             operation names the least role that the person must have. Whatever changes something must come from a page of \
             this server, with the session's CSRF token in the header `x-csrf-token`.",
        );
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    }
}

/// By which methods an operation is asked for.
fn methods(described: &[HttpMethod]) -> MethodFilter {
    described.iter().map(PathItemExt::to_method_filter).reduce(MethodFilter::or).expect("an operation has a method")
}

/// What describes the operations to programs. It takes as long as all else that the dashboard does to begin, and few ask for it.
pub fn description() -> Description {
    let mut document = Document::openapi();
    knowledge::close(&mut document);
    describe(&mut document);
    document
}

/// Each response must have a description: where none is written, it is what the status is called.
/// [`OpenAPI` 3.1: Response Object]
fn describe(document: &mut Description) {
    for path in document.paths.paths.values_mut() {
        let operations = [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch];
        for (status, response) in operations.into_iter().flatten().flat_map(|found| &mut found.responses.responses) {
            let name = || status.parse().ok().and_then(|status: StatusCode| status.canonical_reason());
            if let RefOr::T(response) = response
                && response.description.is_empty()
            {
                name().unwrap_or("An answer").clone_into(&mut response.description);
            }
        }
    }
}

/// Adds what all routes share: a bound on bodies, and problems for whatever is no operation.
pub fn with_refusals(api: Router<Arc<Bot>>) -> Router<Arc<Bot>> {
    api.fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(CatchPanicLayer::custom(Problem::of_panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What scripts rely on: nothing of it goes away within a version.
    #[test]
    fn the_operations_stay() {
        let document = serde_json::to_value(description()).unwrap();
        let mut operations: Vec<String> = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            operations.extend(methods.as_object().unwrap().keys().map(|method| format!("{path} {method}")));
        }
        operations.sort();
        insta::assert_snapshot!(operations.join("\n"), @r"
        /accounts get
        /accounts/{id} get
        /accounts/{id} patch
        /ask post
        /audit get
        /bot delete
        /bot get
        /bot put
        /events get
        /guilds get
        /guilds post
        /guilds/available get
        /guilds/invite get
        /guilds/{id} delete
        /guilds/{id} get
        /guilds/{id}/channels get
        /guilds/{id}/health get
        /guilds/{id}/roles get
        /guilds/{id}/settings get
        /guilds/{id}/settings patch
        /health get
        /invitations get
        /invitations post
        /invitations/{id} delete
        /invitations/{id} get
        /knowledge/questions get
        /knowledge/questions/{id} delete
        /knowledge/search get
        /knowledge/sources get
        /knowledge/sources post
        /knowledge/sources/files post
        /knowledge/sources/{id} delete
        /knowledge/sources/{id} get
        /knowledge/sources/{id}/refresh post
        /me get
        /me/account put
        /me/accounts get
        /me/accounts/{id} delete
        /me/sessions delete
        /members get
        /members/{id} delete
        /members/{id} patch
        /notices get
        /notifications get
        /notifications put
        /plan get
        /tokens get
        /tokens post
        /tokens/{id} delete
        /tokens/{id} get
        /usage get
        /usage/history get
        /usage/messages post
        ");
    }

    #[test]
    fn what_the_description_names_is_in_it() {
        let document = serde_json::to_value(description()).unwrap();
        let names: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        assert_eq!(document["components"]["schemas"]["Scope"]["enum"], serde_json::json!(names));
        let text = document.to_string();
        for name in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document["components"]["schemas"][name].is_object(), "there is no schema {name}");
        }
    }

    #[test]
    fn every_operation_says_who_may_do_it() {
        let document = serde_json::to_value(description()).unwrap();
        let mut rules: Vec<String> = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let name = format!("{method} {path}");
                for (status, response) in operation["responses"].as_object().unwrap() {
                    assert!(response["description"].as_str().is_some_and(|said| !said.is_empty()), "{name}: {status}");
                }
                for status in ["401", "403"] {
                    assert!(operation["responses"][status].is_object(), "{name} lacks {status}");
                }
                let security = operation["security"].as_array().unwrap_or_else(|| panic!("{name} has no access rule"));
                let said = |scheme: &str| {
                    let found = security.iter().find_map(|way| way[scheme].as_array());
                    found.and_then(|names| names.first()).and_then(|name| name.as_str()).unwrap_or("-").to_owned()
                };
                let (scope, role) = (said("bearer"), said("session"));
                if let Ok(scope) = scope.parse::<Scope>() {
                    assert_eq!(scope.least_role().to_string(), role, "{name}");
                }
                rules.push(format!("{path} {method}: {scope}, {role}"));
            }
        }
        rules.sort();
        insta::assert_snapshot!(rules.join("\n"), @r"
        /accounts get: operator, operator
        /accounts/{id} get: operator, operator
        /accounts/{id} patch: operator, operator
        /ask post: ask, agent
        /audit get: audit:read, admin
        /bot delete: bot:write, admin
        /bot get: bot:read, agent
        /bot put: bot:write, admin
        /events get: events:read, agent
        /guilds get: guilds:read, agent
        /guilds post: guilds:write, admin
        /guilds/available get: guilds:read, agent
        /guilds/invite get: guilds:read, agent
        /guilds/{id} delete: guilds:write, admin
        /guilds/{id} get: guilds:read, agent
        /guilds/{id}/channels get: guilds:read, agent
        /guilds/{id}/health get: guilds:read, agent
        /guilds/{id}/roles get: guilds:read, agent
        /guilds/{id}/settings get: guilds:read, agent
        /guilds/{id}/settings patch: guilds:write, admin
        /health get: guilds:read, agent
        /invitations get: invitations:write, admin
        /invitations post: invitations:write, admin
        /invitations/{id} delete: invitations:write, admin
        /invitations/{id} get: invitations:write, admin
        /knowledge/questions get: conversations:read, agent
        /knowledge/questions/{id} delete: knowledge:write, admin
        /knowledge/search get: knowledge:read, agent
        /knowledge/sources get: knowledge:read, agent
        /knowledge/sources post: knowledge:write, admin
        /knowledge/sources/files post: knowledge:write, admin
        /knowledge/sources/{id} delete: knowledge:write, admin
        /knowledge/sources/{id} get: knowledge:read, agent
        /knowledge/sources/{id}/refresh post: knowledge:write, admin
        /me get: -, agent
        /me/account put: -, -
        /me/accounts get: -, -
        /me/accounts/{id} delete: -, -
        /me/sessions delete: -, -
        /members get: members:read, agent
        /members/{id} delete: members:write, owner
        /members/{id} patch: members:write, owner
        /notices get: account:read, agent
        /notifications get: events:read, agent
        /notifications put: notifications:write, admin
        /plan get: account:read, agent
        /tokens get: tokens:write, admin
        /tokens post: tokens:write, admin
        /tokens/{id} delete: tokens:write, admin
        /tokens/{id} get: tokens:write, admin
        /usage get: account:read, agent
        /usage/history get: account:read, agent
        /usage/messages post: usage:write, admin
        ");
    }
}
