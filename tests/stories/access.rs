//! Who may do what: every operation of the API, by every role, every scope and every account.

use std::collections::{BTreeMap, BTreeSet};

use guildhall::account::{Account, Plan, Role};
use guildhall::dashboard::auth::{self, Scope};
use guildhall::ids::{AccountId, PersonId, TokenId};
use guildhall::settings::Guild;
use guildhall::store::{ApiToken, Member, Note, Who, WhoKind};
use insta::assert_snapshot;
use jiff::Timestamp;
use reqwest::{Method, Url};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tests::browser::Browser;
use tests::server;
use tests::world::{Start, World};
use twilight_model::id::Id;

/// Another account's server.
const THEIR_GUILD: u64 = 77_777_777_777_777_777;

fn start() -> Start {
    Start { without_model: true, with_sign_in: true, ..Start::default() }
}

fn note(account: &AccountId) -> Note {
    let who = Who { kind: WhoKind::Operator, id: "test".to_owned(), name: "test".to_owned() };
    let (what, id) = ("test".to_owned(), "0".to_owned());
    Note { account: account.clone(), at: Timestamp::now(), id, who, what, on: None, changes: Vec::new() }
}

/// One operation as the description tells of it.
#[derive(Debug)]
struct Operation {
    method: Method,
    path: String,
    /// What the description says that a token must have; none where no token will do.
    scope: Option<String>,
    /// What it says that a person must be; none where everybody will do who is signed in.
    role: Option<String>,
}

impl Operation {
    fn all(document: &Value) -> Vec<Self> {
        let mut all = Vec::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let ways = operation["security"].as_array();
                let ways = ways.unwrap_or_else(|| panic!("{method} {path} has no access rule"));
                let first = |scheme: &str| {
                    let way = ways.iter().find_map(|way| way[scheme].as_array())?;
                    Some(way.first().and_then(Value::as_str).unwrap_or_default().to_owned())
                };
                let method = method.to_uppercase().parse().expect("a method");
                all.push(Self { method, path: path.clone(), scope: first("bearer"), role: first("session") });
            }
        }
        all
    }

    fn is_of_one(&self) -> bool {
        self.path.contains('{')
    }

    fn named(&self, id: &str) -> String {
        match self.path.split_once('{').zip(self.path.split_once('}')) {
            Some(((before, _), (_, behind))) => format!("{before}{id}{behind}"),
            None => self.path.clone(),
        }
    }

    /// It would end what the story still needs.
    fn ends_sessions(&self) -> bool {
        self.path == "/me/sessions"
    }
}

/// Somebody who tries everything.
enum Caller {
    Token(String),
    Browser(Box<Browser>, String),
}

impl Caller {
    async fn tries(&mut self, base: &str, method: &Method, path: &str) -> (u16, Value) {
        let address: Url = format!("{base}/api/v1{path}").parse().expect("an address");
        let body = (*method != Method::GET).then(|| ("application/json", "{}".to_owned()));
        match self {
            Self::Token(token) => {
                let mut nobody = Browser::new(base);
                let header = format!("Bearer {token}");
                let page = nobody.sends(method.clone(), &address, &[("authorization", &header)], body).await;
                (page.status, page.json())
            }
            Self::Browser(browser, csrf) => {
                let origin = browser.origin();
                let headers = [("origin", origin.as_str()), ("x-csrf-token", csrf)];
                let page = browser.sends(method.clone(), &address, &headers, body).await;
                (page.status, page.json())
            }
        }
    }
}

/// Everything that the world of these stories has in it.
struct Cast {
    world: World,
    tokens: BTreeMap<String, String>,
    people: BTreeMap<String, Browser>,
    /// Ids of another account's things, by the beginning of the path that they belong to.
    theirs: BTreeMap<&'static str, String>,
}

/// People of every role and tokens of every scope in one account, and something of everything in another.
async fn cast() -> Cast {
    let mut world = World::start(start()).await;
    let (admin, agent, stranger) =
        (world.discord.member("adam"), world.discord.member("agnes"), world.discord.member("sam"));
    world.stop().await;
    let store = world.table().await;
    let (own, now) = (AccountId::local(), Timestamp::now());
    for (member, role) in [(&admin, Role::Admin), (&agent, Role::Agent)] {
        let member = Member { account: own.clone(), person: PersonId(member.id.to_string()), role, since: now };
        store.add_member(&member, None, &note(&own), now).await.expect("the table takes it");
    }
    let mut tokens = BTreeMap::new();
    for scope in Scope::ALL {
        let made = auth::create_token(&store, &own, scope.as_str(), BTreeSet::from([*scope]), None, None, now)
            .await
            .expect("the table takes it");
        tokens.insert(scope.to_string(), made.1.expose_secret().to_owned());
    }
    // One of the time before there were scopes.
    let secret = format!("gh_{}", "o".repeat(43));
    let older = ApiToken {
        id: TokenId::generate(now),
        name: "older".to_owned(),
        hash: auth::hash(&secret),
        account: own.clone(),
        created_at: now,
        manage_tokens: false,
        scopes: None,
        made_by: None,
    };
    store.put_token(&older, None).await.expect("the table takes it");
    tokens.insert("older".to_owned(), secret);

    let other = AccountId("other".to_owned());
    let account = Account { id: other.clone(), name: "Others".to_owned(), plan: Plan::Pro };
    let theirs =
        Member { account: other.clone(), person: PersonId(stranger.id.to_string()), role: Role::Owner, since: now };
    assert!(store.put_account_of(&account, &theirs, &note(&other)).await.expect("the table takes it"));
    let mut guild = Guild::new(Id::new(THEIR_GUILD), other.clone());
    guild.version = 1;
    assert!(store.put_guild(&guild, now).await.expect("the table takes it"));
    let (token, secret) =
        auth::create_token(&store, &other, "theirs", Scope::all(), None, None, now).await.expect("the table takes it");
    drop(store);
    world.restart().await;

    let mut others = Caller::Token(secret.expose_secret().to_owned());
    let base = world.address();
    let add = json!({"kind": "text", "title": "Theirs", "body": "Theirs."});
    let made = async |path: &str, body: Value| {
        let request = server::client().post(format!("{base}/api/v1{path}")).bearer_auth(secret.expose_secret());
        let made: Value = request.json(&body).send().await.expect("reachable").json().await.expect("JSON");
        made["id"].as_str().unwrap_or_else(|| panic!("{path}: {made}")).to_owned()
    };
    let theirs = BTreeMap::from([
        ("/guilds", THEIR_GUILD.to_string()),
        ("/knowledge/sources", made("/knowledge/sources", add).await),
        ("/tokens", token.id.to_string()),
        ("/members", stranger.id.to_string()),
        ("/invitations", made("/invitations", json!({"role": "agent"})).await),
    ]);
    for (path, id) in &theirs {
        let found = others.tries(&base, &Method::GET, path).await.1.to_string();
        assert!(found.contains(id.as_str()), "it is there for them: {path} {found}");
    }
    let mut people = BTreeMap::new();
    for (role, member) in
        [("owner", &world.operator.clone()), ("admin", &admin), ("agent", &agent), ("stranger", &stranger)]
    {
        people.insert(role.to_owned(), world.browser_of(member).await);
    }
    Cast { world, tokens, people, theirs }
}

impl Cast {
    async fn document(&self) -> Value {
        let page = self.world.browser().opens("/api/v1/openapi.json").await;
        page.json()
    }

    /// Whether an operation is for this caller, as its description says.
    fn is_for(operation: &Operation, who: &str) -> bool {
        let rank = |role: &str| ["agent", "admin", "owner", "operator"].iter().position(|one| *one == role);
        match (who, &operation.scope, &operation.role) {
            // In these stories, the owner runs the installation.
            ("owner", _, role) => role.is_some(),
            ("admin" | "agent", _, role) => {
                role.as_ref().is_some_and(|role| role.is_empty() || rank(role) <= rank(who))
            }
            ("older", Some(scope), _) => {
                scope.is_empty() || scope.parse().is_ok_and(|scope| Scope::unsaid(false).contains(&scope))
            }
            (own, Some(scope), _) if own != "nobody" => scope.is_empty() || scope == own,
            _ => false,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_for_those_alone_whom_its_description_names() {
    let mut cast = cast().await;
    let operations = Operation::all(&cast.document().await);
    assert!(operations.len() > 30, "{}", operations.len());
    let base = cast.world.address();
    let mut callers: Vec<(String, Caller)> =
        cast.tokens.iter().map(|(name, token)| (name.clone(), Caller::Token(token.clone()))).collect();
    for role in ["owner", "admin", "agent"] {
        let mut browser = cast.people.remove(role).unwrap();
        let csrf = browser.csrf().await;
        callers.push((role.to_owned(), Caller::Browser(Box::new(browser), csrf)));
    }
    callers.push(("nobody".to_owned(), Caller::Token("gh_wrong".to_owned())));

    let (mut wrong, mut tried) = (Vec::new(), 0);
    for operation in operations.iter().filter(|operation| !operation.ends_sessions()) {
        for (who, caller) in &mut callers {
            let (status, answer) = caller.tries(&base, &operation.method, &operation.named("nonsense-1")).await;
            tried += 1;
            let name = format!("{} {} by {who}", operation.method, operation.path);
            assert!(!answer.to_string().contains("Nothing lives at this address"), "{name}");
            let is_for_them = Cast::is_for(operation, who);
            let fits = match status {
                401 => who == "nobody",
                // No token will do for what only people can do, not even a good one.
                403 => !is_for_them && (who != "nobody" || operation.scope.is_none()),
                _ => is_for_them,
            };
            if !fits || status >= 500 {
                wrong.push(format!("{name}: {status} {answer}"));
            }
            if status == 403 {
                let detail = answer["detail"].as_str().unwrap_or_default();
                let names = ["scope `", "role ", "Only those who run", "Only a person"];
                assert!(names.iter().any(|said| detail.contains(said)), "{name}: {detail}");
            }
            // What is another account's is no more there than what is nobody's.
            if is_for_them && operation.is_of_one() {
                let theirs = cast.theirs.iter().find(|(path, _)| operation.path.starts_with(**path));
                let Some((_, id)) = theirs else { continue };
                let (theirs, told) = caller.tries(&base, &operation.method, &operation.named(id)).await;
                let unknown = caller.tries(&base, &operation.method, &operation.named("1")).await;
                let is_hidden = theirs == 404 && (told == unknown.1 || operation.path.starts_with("/guilds"));
                // A body that cannot be used is refused before anything is looked up, for all ids alike.
                let is_alike = matches!(theirs, 415 | 422 | 400) && (theirs, &told) == (unknown.0, &unknown.1);
                if !is_hidden && !is_alike {
                    wrong.push(format!("{name}, another account's: {theirs} {told}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(tried > 700, "{tried}");

    // Nothing of the other account's has changed.
    let mut owner = cast.people.remove("stranger").unwrap();
    for (path, id) in &cast.theirs {
        let (status, found) = owner.api(Method::GET, path, None).await;
        assert!(status == 200 && found.to_string().contains(id.as_str()), "{path}: {found}");
    }
    let (_, settings) = owner.api(Method::GET, &format!("/guilds/{THEIR_GUILD}/settings"), None).await;
    assert_eq!(settings["cooldown_seconds"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_another_accounts_things_with_a_good_body_are_not_found() {
    let mut cast = cast().await;
    let theirs = cast.theirs.clone();
    let owner = cast.people.get_mut("owner").unwrap();
    for (method, path, body) in [
        (Method::PATCH, format!("/guilds/{THEIR_GUILD}/settings"), json!({"cooldown_seconds": 9})),
        (Method::PATCH, format!("/members/{}", theirs["/members"]), json!({"role": "agent"})),
        (Method::PUT, "/me/account".to_owned(), json!({"account": "other"})),
    ] {
        let (status, problem) = owner.api(method, &path, Some(body)).await;
        assert_eq!(status, 404, "{path}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_with_a_cookie_comes_from_our_own_pages_alone() {
    let mut cast = cast().await;
    let mut browser = cast.people.remove("owner").unwrap();
    let csrf = browser.csrf().await;
    let own = browser.origin();
    let others = cast.people.get_mut("admin").unwrap().csrf().await;
    let address: Url = format!("{own}/api/v1/notifications").parse().unwrap();
    let body = || Some(("application/json", json!({"emails": []}).to_string()));
    let evil = "https://evil.example";
    for headers in [
        &[][..],
        &[("x-csrf-token", csrf.as_str())],
        &[("origin", own.as_str())],
        &[("origin", own.as_str()), ("x-csrf-token", "")],
        &[("origin", own.as_str()), ("x-csrf-token", "wrong")],
        &[("origin", own.as_str()), ("x-csrf-token", others.as_str())],
        &[("origin", evil), ("x-csrf-token", csrf.as_str())],
        &[("origin", "null"), ("x-csrf-token", csrf.as_str())],
        &[("origin", "http://127.0.0.1:1"), ("x-csrf-token", csrf.as_str())],
        &[("sec-fetch-site", "cross-site"), ("x-csrf-token", csrf.as_str())],
        &[("sec-fetch-site", "same-site"), ("x-csrf-token", csrf.as_str())],
        &[("sec-fetch-site", "none"), ("x-csrf-token", csrf.as_str())],
        &[("origin", evil), ("sec-fetch-site", "same-origin"), ("x-csrf-token", csrf.as_str())],
    ] {
        let page = browser.sends(Method::PUT, &address, headers, body()).await;
        assert_eq!(page.status, 403, "{headers:?}");
        assert!(page.body.contains("was not sent by a page of this Guildhall"), "{}", page.body);
    }
    for headers in [
        &[("origin", own.as_str()), ("x-csrf-token", csrf.as_str())],
        &[("sec-fetch-site", "same-origin"), ("x-csrf-token", csrf.as_str())],
    ] {
        assert_eq!(browser.sends(Method::PUT, &address, headers, body()).await.status, 200, "{headers:?}");
    }
    // Forms, with files and without.
    let sign_out: Url = format!("{own}/sign-out").parse().unwrap();
    let form = "application/x-www-form-urlencoded";
    for (origin, sent) in
        [(evil, format!("csrf={csrf}")), (own.as_str(), "csrf=wrong".to_owned()), (&own, String::new())]
    {
        let page = browser.sends(Method::POST, &sign_out, &[("origin", origin)], Some((form, sent))).await;
        assert_eq!(page.status, 403);
    }
    assert_eq!(browser.api(Method::GET, "/me", None).await.0, 200, "nobody was signed out");
    let files: Url = format!("{own}/api/v1/knowledge/sources/files").parse().unwrap();
    let with_files = |csrf: &str, lines: usize| {
        let part = |name: &str, rest: &str, value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{rest}\r\n\r\n{value}\r\n")
        };
        let file = part("file", "; filename=\"a.md\"", &"A long text. ".repeat(lines));
        Some(("multipart/form-data; boundary=b", format!("{}{file}--b--\r\n", part("csrf", "", csrf))))
    };
    let headers = [("origin", own.as_str())];
    assert_eq!(browser.sends(Method::POST, &files, &headers, with_files("wrong", 1)).await.status, 403);
    let page = browser.sends(Method::POST, &files, &headers, with_files(&csrf, 10)).await;
    // The API's own form has no such field; a page's form has.
    assert_eq!((page.status, page.body.contains("and no others")), (422, true), "{}", page.body);
    // A token needs nothing of the kind.
    let (status, _) = cast.world.api(Method::PUT, "/notifications", Some(json!({"emails": []}))).await;
    assert_eq!(status, 200);
    // A page of another site that asks for something may not read the answer.
    let me: Url = format!("{own}/api/v1/me").parse().unwrap();
    let page = browser.sends(Method::GET, &me, &[("origin", evil)], None).await;
    assert!(!page.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_gives_nothing_that_it_lacks() {
    let mut cast = cast().await;
    let base = cast.world.address();
    let manager = cast.tokens["tokens:write"].clone();
    let post = async |token: &str, body: Value| {
        let request = server::client().post(format!("{base}/api/v1/tokens")).bearer_auth(token).json(&body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let told = |answer: &(u16, Value)| format!("{} {}", answer.0, answer.1["detail"].as_str().unwrap_or_default());
    let more = post(&manager, json!({"name": "more", "scopes": ["tokens:write", "guilds:write"]})).await;
    assert_snapshot!(told(&more), @"403 You cannot give the scope `guilds:write`, because you do not have it yourself.");
    let same = post(&manager, json!({"name": "same", "scopes": ["tokens:write"]})).await;
    assert_eq!((same.0, &same.1["scopes"], &same.1["manage_tokens"]), (201, &json!(["tokens:write"]), &json!(true)));
    let unsaid = post(&manager, json!({"name": "unsaid"})).await;
    assert_eq!(unsaid.0, 422, "it has nothing of what tokens usually have: {}", unsaid.1);
    assert_eq!(post(&cast.tokens["ask"], json!({"name": "x"})).await.0, 403);
    assert_eq!(post(&cast.tokens["older"], json!({"name": "x"})).await.0, 403);

    let admin = cast.people.get_mut("admin").unwrap();
    let (status, problem) =
        admin.api(Method::POST, "/tokens", Some(json!({"name": "x", "scopes": ["members:write"]}))).await;
    assert_eq!((status, problem["detail"].as_str().unwrap().contains("members:write")), (403, true));
    let (_, problem) = admin.api(Method::POST, "/tokens", Some(json!({"name": "x", "scopes": ["everything"]}))).await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("unknown variant `everything`, expected one of `account:read`"), "{detail}");
    assert_eq!(admin.api(Method::POST, "/tokens", Some(json!({"name": "x", "scopes": []}))).await.0, 422);
    let (status, made) =
        admin.api(Method::POST, "/tokens", Some(json!({"name": "x", "scopes": ["ask", "knowledge:read"]}))).await;
    assert_eq!((status, &made["scopes"]), (201, &json!(["ask", "knowledge:read"])));
    let (_, listed) = admin.api(Method::GET, "/tokens", None).await;
    assert!(!listed.to_string().contains(made["token"].as_str().unwrap()), "it is shown once");

    let ask = Caller::Token(made["token"].as_str().unwrap().to_owned()).tries(&base, &Method::GET, "/guilds").await;
    assert_snapshot!(told(&ask), @"403 This token lacks the scope `guilds:read`.");
    let people = Caller::Token(manager).tries(&base, &Method::GET, "/me/accounts").await;
    assert_snapshot!(told(&people), @"403 Only a person who has signed in can do this, and no API token.");
}
