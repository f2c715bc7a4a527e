//! People sign in by Discord, and come in at a machine of their own.

use std::sync::Arc;
use std::time::Duration;

use guildhall::account::Plan;
use guildhall::bot::Bot;
use guildhall::config::{Config, SignInConfig};
use guildhall::dashboard;
use guildhall::dashboard::auth::{self, Access};
use guildhall::events::Events;
use guildhall::ids::PersonId;
use guildhall::mail::Mailer;
use guildhall::secret::Secrets;
use guildhall::sign_in::{NotTold, SignIn};
use guildhall::store::Store;
use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, Url};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use standalone::house::{House, Work};
use tests::browser::{Browser, Page};
use tests::fake_discord::{FakeDiscord, Fault, Member};
use tests::process::{self, Process};
use tests::server::{self, eventually};
use tests::world::{SOON, Start, World};

fn start() -> Start {
    Start { without_model: true, with_sign_in: true, ..Start::default() }
}

/// What a plain page says, without its tags.
fn said(page: &Page) -> String {
    let text = page.body.split("<main").nth(1).and_then(|rest| rest.split("</main>").next()).unwrap_or(&page.body);
    let words = text.split('<').map(|part| part.split_once('>').map_or(part, |(_, words)| words));
    format!(
        "{} {}",
        page.status,
        words.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ").replace("&#39;", "'")
    )
}

/// Sends a browser to Discord's page, and says where that sends it back to.
async fn returns(browser: &mut Browser, discord: &FakeDiscord, member: &Member, allows: bool) -> Url {
    discord.at_the_browser(member, allows);
    let to_discord = browser.opens("/sign-in").await.location();
    browser.sends(Method::GET, &to_discord, &[], None).await.location()
}

async fn go(browser: &mut Browser, address: &Url) -> Page {
    browser.sends(Method::GET, address, &[], None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_in_and_out() {
    let world = World::start(start()).await;
    let mut browser = world.browser();
    assert_eq!(browser.api(Method::GET, "/me", None).await.0, 401);
    let page = browser.signs_in(&world.discord, &world.operator, "/healthz?from=sign-in").await;
    assert_eq!((page.address.path(), page.address.query()), ("/healthz", Some("from=sign-in")));

    // What Discord was asked for.
    let asked = world.discord.asked_to_allow().remove(0);
    assert_eq!((&*asked["scope"], &*asked["code_challenge_method"]), ("identify guilds", "S256"));
    assert_eq!(asked["redirect_uri"], format!("{}/sign-in/callback", world.address()));
    assert!(asked["state"].len() >= 43 && asked["code_challenge"].len() == 43);

    let (status, me) = browser.api(Method::GET, "/me", None).await;
    assert_eq!(status, 200, "{me}");
    assert_eq!((&me["account"], &me["operator"], &me["token"]), (&json!("local"), &json!(true), &Value::Null));
    assert_eq!((&me["person"]["name"], &me["person"]["role"]), (&json!("olivia"), &json!("owner")));
    assert_eq!(browser.api(Method::PUT, "/notifications", Some(json!({"emails": []}))).await.0, 200);

    assert!(world.discord.has_allowed(&world.operator));
    let page = browser.submits("/sign-out", &[]).await;
    assert_eq!((page.status, page.location().path()), (303, "/"));
    let secret = browser.cookies().get("guildhall").cloned();
    assert_eq!((secret, browser.api(Method::GET, "/me", None).await.0), (None, 401));
    eventually(SOON, async || (!world.discord.has_allowed(&world.operator)).then_some(())).await;
    assert!(!world.log().contains(&world.discord.client_secret()), "the log holds the client secret");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_worthless_to_scripts_other_sites_and_thieves_of_the_table() {
    let mut world = World::start(start()).await;
    let mut browser = world.browser();
    world.discord.at_the_browser(&world.operator, true);
    let back = returns(&mut browser, &world.discord, &world.operator, true).await;
    let page = go(&mut browser, &back).await;
    let cookie = page.headers["set-cookie"].to_str().unwrap().to_owned();
    let (pair, rest) = cookie.split_once("; ").unwrap();
    assert_eq!(rest, "Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax");
    assert_eq!((page.headers["cache-control"].as_bytes(), page.status), (&b"no-store"[..], 303));
    let secret = pair.strip_prefix("guildhall=").unwrap().to_owned();

    world.stop().await;
    let store = world.table().await;
    let session = store.session(&auth::hash(&secret), Timestamp::now()).await.unwrap().unwrap();
    let person = store.person(&session.person).await.unwrap().unwrap();
    assert_eq!((person.name.as_str(), person.tokens.is_some()), ("olivia", true));
    // After thirty days without use it has ended, even if the table still has it.
    let later = Timestamp::now() + SignedDuration::from_hours(30 * 24 + 1);
    assert_eq!(store.session(&session.hash, later).await.unwrap(), None);
    drop(store);
    let mut found = 0;
    for entry in std::fs::read_dir(world.data()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        found += bytes.windows(secret.len()).filter(|window| *window == secret.as_bytes()).count();
    }
    assert_eq!(found, 0, "the table holds a session's secret");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_used_goes_on_and_one_that_is_not_ends() {
    let mut world = World::start(start()).await;
    let mut browser = world.browser_of(&world.operator).await;
    let hash = auth::hash(&browser.cookies()["guildhall"]);
    world.stop().await;
    let now = Timestamp::now();
    let store = world.table().await;
    let old = store.session(&hash, now).await.unwrap().unwrap();
    let mut aged = old.clone();
    (aged.renewed_at, aged.expires) = (now - SignedDuration::from_hours(48), now.as_second() + 3_600);
    store.put_session(&aged).await.unwrap();
    drop(store);
    world.restart().await;
    browser = browser.at(&world.address());
    assert_eq!(browser.api(Method::GET, "/me", None).await.0, 200);
    world.stop().await;
    let store = world.table().await;
    let renewed = store.session(&hash, now).await.unwrap().unwrap();
    assert!(renewed.expires >= old.expires && renewed.renewed_at >= now, "{renewed:?}");
    aged.expires = now.as_second() - 1;
    store.put_session(&aged).await.unwrap();
    drop(store);
    world.restart().await;
    browser = browser.at(&world.address());
    assert_eq!(browser.api(Method::GET, "/me", None).await.0, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_out_everywhere() {
    let world = World::start(start()).await;
    let (mut here, mut there) = (world.browser_of(&world.operator).await, world.browser_of(&world.operator).await);
    let mut page = world.browser_of(&world.operator).await;
    assert_eq!(page.submits("/sign-out/everywhere", &[]).await.status, 303);
    for browser in [&mut here, &mut there, &mut page] {
        assert_eq!(browser.api(Method::GET, "/me", None).await.0, 401);
    }
    let mut again = world.browser_of(&world.operator).await;
    assert_eq!(again.api(Method::GET, "/me", None).await.0, 200);
    assert_eq!(again.api(Method::DELETE, "/me/sessions", None).await.0, 204);
    assert_eq!(again.api(Method::GET, "/me", None).await.0, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_works_once_in_the_browser_that_it_began_in() {
    let world = World::start(start()).await;
    let (mut ann, mut eve) = (world.browser(), world.browser());

    // Eve lets Ann follow a link with which Ann would be signed in as Eve.
    let eves = returns(&mut eve, &world.discord, &world.operator, true).await;
    assert_snapshot!(said(&go(&mut ann, &eves).await), @"400 Signing in This sign-in has ended, was used before, or began in another browser. Please sign in again. Sign in");
    let anns = returns(&mut ann, &world.discord, &world.operator, true).await;
    assert_eq!(go(&mut ann, &eves).await.status, 400, "she has a cookie of her own now");

    // Made up, and changed.
    let mut forged = anns.clone();
    forged.set_query(Some("code=x&state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    assert_eq!(go(&mut ann, &forged).await.status, 400);
    for query in ["", "code=x", "state=x", "state=&code=", "error=access_denied"] {
        forged.set_query(Some(query));
        assert_eq!(go(&mut ann, &forged).await.status, 400, "{query}");
    }
    // Once, and not again.
    assert_eq!(go(&mut ann, &anns).await.status, 303);
    assert_eq!(go(&mut ann, &anns).await.status, 400);
    assert_eq!(ann.api(Method::GET, "/me", None).await.0, 200, "she is signed in all the same");

    // In two tabs at once.
    let mut tabs = world.browser();
    let one = returns(&mut tabs, &world.discord, &world.operator, true).await;
    let other = returns(&mut tabs, &world.discord, &world.operator, true).await;
    assert_eq!((go(&mut tabs, &one).await.status, go(&mut tabs, &other).await.status), (303, 303));
    // Whoever signs in again has a new session, and the one before has ended.
    let before = ann.clone();
    let page = ann.signs_in(&world.discord, &world.operator, "/healthz").await;
    assert_eq!(page.status, 200);
    let mut thief = before;
    assert_eq!((thief.api(Method::GET, "/me", None).await.0, ann.api(Method::GET, "/me", None).await.0), (401, 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_at_discord_is_said_in_a_sentence() {
    let world = World::start(start()).await;
    let discord = &world.discord;
    let mut browser = world.browser();

    let back = returns(&mut browser, discord, &world.operator, false).await;
    assert_snapshot!(said(&go(&mut browser, &back).await), @"403 Signing in You did not let Discord tell Guildhall who you are, so you are not signed in. Sign in");

    for fault in [Fault::Status(503), Fault::Close] {
        let back = returns(&mut browser, discord, &world.operator, true).await;
        discord.next_on(&Method::POST, "/oauth2/token", 1, fault);
        let down = "503 Signing in Discord does not answer at the moment. Please try again in a little while. Sign in";
        assert_eq!(said(&go(&mut browser, &back).await), down);
    }
    let back = returns(&mut browser, discord, &world.operator, true).await;
    discord.next_on(&Method::GET, "/users/@me", 1, Fault::Status(502));
    assert_eq!(go(&mut browser, &back).await.status, 503);

    // A code that Discord does not know, with a good state.
    let mut back = returns(&mut browser, discord, &world.operator, true).await;
    let state = back.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    back.query_pairs_mut().clear().append_pair("code", "guessed").append_pair("state", &state);
    assert_eq!(go(&mut browser, &back).await.status, 400);

    discord.resets_client_secret();
    let back = returns(&mut browser, discord, &world.operator, true).await;
    assert_snapshot!(said(&go(&mut browser, &back).await), @"502 Signing in Discord did not accept Guildhall's own settings for signing in. Whoever runs this Guildhall finds the reason in its log.");
    world.prints("look at DISCORD_CLIENT_SECRET").await;
    assert_eq!(browser.api(Method::GET, "/me", None).await.0, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_told_how_to_be_let_in() {
    let world = World::start(start()).await;
    let mut browser = world.browser();
    let sam = world.discord.member("sam");
    let page = browser.signs_in(&world.discord, &sam, "/").await;
    let told = said(&page).replace(&sam.id.to_string(), "1234");
    assert_snapshot!(told, @"403 Signing in You belong to no account of this Guildhall. Ask one of its owners for an invitation. Whoever runs it can make you an owner by putting 1234 into GUILDHALL_OPERATORS.");
    assert!(!browser.cookies().contains_key("guildhall"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_sent_to_another_site_by_signing_in() {
    let world = World::start(start()).await;
    for next in ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)"] {
        let mut browser = world.browser();
        let page = browser.signs_in(&world.discord, &world.operator, next).await;
        assert_eq!(
            (page.address.origin().ascii_serialization(), page.address.path()),
            (browser.origin(), "/"),
            "{next}"
        );
    }
}

/// Discord's answer is needed only where it is asked, and then a token is renewed, or the person is asked to sign in again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_discord_gave_is_renewed_and_its_end_is_noticed() {
    let discord = FakeDiscord::start().await;
    let ann = discord.member("ann");
    discord.is_on(&ann, discord.guild_id(), 1 << 5);
    discord.set_tokens_last(Duration::from_secs(30));
    let data = server::data_folder();
    let store = Store::new(standalone::table::open(&data.path().join("t.db")).unwrap(), "guildhall");
    store.create_table().await.unwrap();
    let config = SignInConfig {
        client_secret: discord.client_secret().into(),
        application: Some(twilight_model::id::Id::new(discord.application_id())),
    };
    let public: Url = "http://127.0.0.1:1".parse().unwrap();
    let secrets = Secrets::local(data.path().join("key"));
    let sign_in = SignIn::new(config, &discord.url().parse().unwrap(), &public, secrets).unwrap();

    let departure = sign_in.departure("state".to_owned(), None).await.unwrap();
    discord.at_the_browser(&ann, true);
    let back = server::client().get(departure.address).send().await.unwrap();
    let back = Url::parse(back.headers()["location"].to_str().unwrap()).unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let now = Timestamp::now();
    let (user, tokens) = sign_in.arrival(&code, departure.verifier, None, now).await.unwrap();
    assert_eq!(user.name(), "ann");
    let id = PersonId::from(user.id);
    store.person_signed_in(&id, user.name(), None, &tokens).await.unwrap();
    let written = std::fs::read(data.path().join("t.db")).unwrap();

    // It is over soon, and renewed before; two who do so at the same moment do not spoil it for each other.
    discord.set_tokens_last(Duration::from_hours(1));
    let (one, other) =
        tokio::join!(sign_in.access_token(&store, &id, None, now), sign_in.access_token(&store, &id, None, now));
    let token = one.unwrap();
    let guilds = sign_in.guilds(&token).await.unwrap();
    assert_eq!((guilds.len(), guilds[0].name.as_str(), guilds[0].permissions.as_str()), (1, "The workshop", "32"));
    sign_in.guilds(&other.unwrap()).await.unwrap();
    let renewals = || discord.requests().iter().filter(|request| request.path == "/oauth2/token").count();
    let before = renewals();
    let same = sign_in.access_token(&store, &id, None, now).await.unwrap();
    sign_in.guilds(&same).await.unwrap();
    assert_eq!(renewals(), before, "it lasts for an hour");
    let bare = same.expose_secret().as_bytes();
    assert!(!written.windows(bare.len()).any(|window| window == bare));

    // Discord does not answer: nothing is lost.
    let later = now + SignedDuration::from_hours(2);
    discord.next_on(&Method::POST, "/oauth2/token", 1, Fault::Status(503));
    assert_eq!(sign_in.access_token(&store, &id, None, later).await.unwrap_err(), NotTold::Unavailable);
    sign_in.access_token(&store, &id, None, later).await.unwrap();

    discord.takes_back(&ann);
    assert_eq!(sign_in.guilds(&same).await.unwrap_err(), NotTold::SignInAgain);
    let later = later + SignedDuration::from_hours(2);
    for _ in 0..2 {
        assert_eq!(sign_in.access_token(&store, &id, None, later).await.unwrap_err(), NotTold::SignInAgain);
    }
    let known = store.person(&id).await.unwrap().unwrap();
    assert_eq!((known.name.as_str(), known.tokens), ("ann", None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sits_at_the_machine_is_its_admin_and_nobody_else() {
    let world = World::start(Start { without_model: true, ..Start::default() }).await;
    let base = world.address();
    let host = base.strip_prefix("http://").unwrap().to_owned();
    let url = |path: &str| format!("{base}/api/v1{path}").parse::<Url>().unwrap();
    let mut browser = world.browser();
    let (status, me) = browser.api(Method::GET, "/me", None).await;
    assert_eq!(status, 200, "{me}");
    assert_eq!(me["person"], json!({"id": "local", "name": "Local admin", "role": "owner"}));
    world.prints("whoever opens the pages on this machine is their admin").await;
    assert_eq!(browser.opens("/sign-in?next=/healthz").await.location().path(), "/healthz");

    // A stranger's domain that points to this machine, and a proxy that lets strangers in.
    for headers in [
        &[("host", "evil.example")][..],
        &[("host", "evil.example:8080")],
        &[("host", "localhost.evil.example")],
        &[("x-forwarded-for", "203.0.113.7")],
        &[("forwarded", "for=203.0.113.7")],
        &[("x-real-ip", "203.0.113.7")],
    ] {
        assert_eq!(browser.sends(Method::GET, &url("/me"), headers, None).await.status, 401, "{headers:?}");
    }
    // Nor is a browser that comes through a proxy sent back and forth.
    for path in ["/", "/sign-in?next=/usage"] {
        let address = format!("{base}{path}").parse().unwrap();
        let page = browser.sends(Method::GET, &address, &[("x-forwarded-for", "203.0.113.7")], None).await;
        match path {
            "/" => assert_eq!(page.location().path(), "/sign-in"),
            _ => assert!(said(&page).starts_with("404 Signing in Nobody can sign in here yet"), "{}", said(&page)),
        }
    }
    // Another page of the same browser, or another program of the machine, changes nothing.
    let body = || Some(("application/json", json!({"emails": []}).to_string()));
    let put = Method::PUT;
    for headers in [
        &[][..],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:1")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
    ] {
        let page = browser.sends(put.clone(), &url("/notifications"), headers, body()).await;
        assert_eq!(page.status, 403, "{headers:?}: {}", page.body);
    }
    let ours = format!("http://{host}");
    for headers in [&[("origin", ours.as_str())][..], &[("sec-fetch-site", "same-origin")]] {
        let page = browser.sends(put.clone(), &url("/notifications"), headers, body()).await;
        assert_eq!(page.status, 200, "{headers:?}: {}", page.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_an_address_of_its_own_a_machine_lets_nobody_in_without_signing_in() {
    let environment = vec![("GUILDHALL_PUBLIC_URL", "https://bot.example.com")];
    let world = World::start(Start { without_model: true, environment, ..Start::default() }).await;
    assert_eq!(world.browser().api(Method::GET, "/me", None).await.0, 401);
    assert_eq!(world.api(Method::GET, "/me", None).await.0, 200, "the machine's token works");
    world.prints("set DISCORD_CLIENT_SECRET").await;
    assert_snapshot!(said(&world.browser().opens("/sign-in").await), @"404 Signing in Nobody can sign in here yet: whoever runs this Guildhall has to set DISCORD_CLIENT_SECRET.");
}

#[tokio::test]
async fn where_others_reach_it_guildhall_does_not_start_without_a_way_to_sign_in() {
    let data = server::data_folder();
    let folder = data.path().join("new");
    let base = [("GUILDHALL_ADDR", "0.0.0.0:0"), ("GUILDHALL_DATA", folder.to_str().unwrap())];
    for (more, said) in [
        (&[][..], "set DISCORD_CLIENT_SECRET"),
        (&[("GUILDHALL_PUBLIC_URL", "https://bot.example.com")], "set DISCORD_CLIENT_SECRET"),
        (&[("DISCORD_CLIENT_SECRET", "s3cret")], "DISCORD_APPLICATION_ID is needed"),
        (&[("DISCORD_CLIENT_SECRET", "s3cret"), ("DISCORD_APPLICATION_ID", "5")], "GUILDHALL_PUBLIC_URL is needed"),
    ] {
        let environment: Vec<_> = base.iter().chain(more).copied().collect();
        let mut guildhall = Process::start(process::binary("guildhall"), &["serve"], environment);
        guildhall.wait_for_line(said, SOON).await;
        assert!(!guildhall.wait().await.success());
        assert!(!guildhall.lines().join("").contains("s3cret") && !folder.exists());
    }
}

/// Where an installation is for everybody, whoever comes first has an account of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosted_everybody_has_an_account_of_their_own() {
    let discord = FakeDiscord::start().await;
    let data = server::data_folder();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let variables = [
        ("DISCORD_API_URL", discord.url()),
        ("DISCORD_APPLICATION_ID", discord.application_id().to_string()),
        ("DISCORD_CLIENT_SECRET", discord.client_secret()),
    ];
    let config =
        Config::from_vars(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()));
    let (config, data) = (config.unwrap(), data.path());
    let access = standalone::house::access(&config, data, address).unwrap();
    let house = House::open(&config, data, Plan::Pro, Work::OnlyNew, Access::default()).await.unwrap();
    let Bot { store, jobs, knowledge, .. } = &*house.bot;
    let (store, jobs, knowledge) = (store.clone(), jobs.clone(), knowledge.clone());
    let events = Events::Local(Mailer::smtp(None).unwrap());
    let mut bot = Bot::new(store, jobs, knowledge, None, events, house.bot.discord.clone(), None);
    bot.access = access;
    let serving = tokio::spawn(axum::serve(listener, dashboard::router(Arc::new(bot))).into_future());

    let base = format!("http://{address}");
    let (ann, bo) = (discord.member("ann"), discord.member("bo"));
    let mut anns = Browser::new(&base);
    assert_eq!(anns.signs_in(&discord, &ann, "/healthz").await.status, 200);
    let (_, me) = anns.api(Method::GET, "/me", None).await;
    let shown = format!("{} {} {} {}", me["name"], me["plan"], me["person"]["role"], me["operator"]);
    assert_snapshot!(shown, @r#""ann" "starter" "owner" false"#);
    // It is the same one the next time, in two browsers at once too.
    let (mut one, mut other) = (Browser::new(&base), Browser::new(&base));
    tokio::join!(one.signs_in(&discord, &ann, "/healthz"), other.signs_in(&discord, &ann, "/healthz"));
    for browser in [&mut one, &mut other] {
        assert_eq!(browser.api(Method::GET, "/me", None).await.1["account"], me["account"]);
    }
    // Whoever follows an invitation joins, and gets no account of their own beside.
    let (_, made) = anns.api(Method::POST, "/invitations", Some(json!({"role": "owner"}))).await;
    let link = made["url"].as_str().unwrap().parse::<Url>().unwrap().path().to_owned();
    let mut bos = Browser::new(&base);
    bos.signs_in(&discord, &bo, &link).await;
    assert_eq!(bos.submits(&link, &[]).await.status, 303);
    let (_, accounts) = bos.api(Method::GET, "/me/accounts", None).await;
    assert_eq!(accounts["items"].as_array().unwrap().len(), 1, "{accounts}");
    assert_eq!(bos.api(Method::GET, "/me", None).await.1["account"], me["account"]);
    // Whoever was taken out of their first account gets another one when they come again.
    assert_eq!(bos.api(Method::DELETE, &format!("/members/{}", ann.id), None).await.0, 204);
    assert_eq!(anns.api(Method::GET, "/me", None).await.0, 403);
    anns.signs_in(&discord, &ann, "/healthz").await;
    let (status, again) = anns.api(Method::GET, "/me", None).await;
    assert!(status == 200 && again["account"] != me["account"], "{again}");
    serving.abort();
    house.close().await;
}
