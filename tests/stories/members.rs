//! Who belongs to an account, who is invited to it, and who changed what.

use guildhall::account::{Account, Plan, Role};
use guildhall::ids::{AccountId, PersonId};
use guildhall::store::{Member, Note, Who, WhoKind};
use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tests::browser::Browser;
use tests::fake_discord;
use tests::server::eventually;
use tests::world::{SOON, Start, World};

fn start() -> Start {
    Start { without_model: true, with_sign_in: true, ..Start::default() }
}

/// The path of an invitation's link.
async fn invitation(browser: &mut Browser, role: &str) -> String {
    let (status, made) = browser.api(Method::POST, "/invitations", Some(json!({"role": role}))).await;
    assert_eq!(status, 201, "{made}");
    made["url"].as_str().expect("a link").parse::<Url>().expect("an address").path().to_owned()
}

/// Somebody new joins as this, in a browser of their own.
async fn joins(world: &World, owner: &mut Browser, name: &str, role: &str) -> (fake_discord::Member, Browser) {
    let (member, link) = (world.discord.member(name), invitation(owner, role).await);
    let mut browser = world.browser();
    let page = browser.signs_in(&world.discord, &member, &link).await;
    assert_eq!((page.status, page.address.path()), (200, link.as_str()), "{page:?}");
    let joined = browser.submits(&link, &[]).await;
    assert_eq!((joined.status, joined.location().path()), (303, "/"));
    (member, browser)
}

fn detail(answer: &(u16, Value)) -> String {
    format!("{} {}", answer.0, answer.1["detail"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_follows_an_invitation_and_is_a_member() {
    let world = World::start(start()).await;
    let mut owner = world.browser_of(&world.operator).await;
    let link = invitation(&mut owner, "agent").await;
    let (_, listed) = owner.api(Method::GET, "/invitations", None).await;
    assert_eq!(listed["items"][0]["role"], "agent");
    assert!(!listed.to_string().contains(link.trim_start_matches("/join/")), "the secret is shown once");

    // They are sent to Discord first, and come back to the invitation.
    let ann = world.discord.member("<ann>");
    let mut browser = world.browser();
    world.discord.at_the_browser(&ann, true);
    let page = browser.opens(&link).await;
    assert_eq!((page.status, page.location().path()), (303, "/sign-in"));
    let page = browser.goes(page.location()).await;
    assert_eq!((page.status, page.address.path()), (200, link.as_str()));
    assert!(page.body.contains("Join as &#60;ann&#62;") && !page.body.contains("<ann>"), "{}", page.body);
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    assert_eq!(browser.api(Method::GET, "/me", None).await.0, 403, "looking is not joining");

    assert_eq!(browser.submits(&link, &[]).await.status, 303);
    let (status, me) = browser.api(Method::GET, "/me", None).await;
    assert_eq!((status, &me["person"]["role"], &me["account"]), (200, &json!("agent"), &json!("local")));
    let (_, members) = browser.api(Method::GET, "/members", None).await;
    let seen: Vec<_> =
        members["items"].as_array().unwrap().iter().map(|one| format!("{} {}", one["name"], one["role"])).collect();
    assert_eq!(seen, ["\"olivia\" \"owner\"", "\"<ann>\" \"agent\""]);

    // It worked once.
    let mut other = world.browser();
    let page = other.signs_in(&world.discord, &world.discord.member("bo"), &link).await;
    assert_eq!(page.status, 404, "{page:?}");
    let (_, listed) = owner.api(Method::GET, "/invitations", None).await;
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_ends_and_can_be_taken_back() {
    let mut world = World::start(start()).await;
    let mut owner = world.browser_of(&world.operator).await;
    let (_, made) = owner.api(Method::POST, "/invitations", Some(json!({"role": "admin"}))).await;
    let path = format!("/invitations/{}", made["id"].as_str().unwrap());
    let link = made["url"].as_str().unwrap().parse::<Url>().unwrap().path().to_owned();
    let days = |name: &str| made[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    let lasts = days("expires_at").duration_since(days("created_at"));
    assert!((lasts - SignedDuration::from_hours(7 * 24)).abs() <= SignedDuration::from_secs(1), "{lasts}");
    assert_eq!(owner.api(Method::DELETE, &path, None).await.0, 204);
    assert_eq!(owner.api(Method::DELETE, &path, None).await.0, 404);
    assert_eq!(world.browser().opens(&link).await.status, 404);
    for wrong in ["/join/x", "/join/..%2f..%2f", &format!("/join/{}", "a".repeat(5_000))] {
        assert_eq!(world.browser().opens(wrong).await.status, 404, "{wrong}");
    }

    // One that has ended, which the table has not deleted yet.
    let link = invitation(&mut owner, "agent").await;
    let mut browser = world.browser();
    browser.signs_in(&world.discord, &world.discord.member("ann"), &link).await;
    world.stop().await;
    let store = world.table().await;
    let mut old = store.invitations(&AccountId::local(), Timestamp::now()).await.unwrap().remove(0);
    old.expires = Timestamp::now().as_second() - 1;
    store.put_invitation(&old, &note(&AccountId::local())).await.unwrap();
    drop(store);
    world.restart().await;
    let mut browser = browser.at(&world.address());
    assert_eq!(browser.submits(&link, &[]).await.status, 404);
    assert_eq!(browser.api(Method::GET, "/me", None).await.0, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_members_session_opens_nothing_at_once() {
    let world = World::start(start()).await;
    let mut owner = world.browser_of(&world.operator).await;
    let (ann, mut browser) = joins(&world, &mut owner, "ann", "admin").await;
    assert_eq!(browser.api(Method::GET, "/guilds", None).await.0, 200);
    let path = format!("/members/{}", ann.id);
    // Tokens that she made, and that those made, end with her membership; those of others do not.
    let new = |name: &str| json!({"name": name, "scopes": ["guilds:read", "tokens:write"]});
    let (_, own) = browser.api(Method::POST, "/tokens", Some(new("hers"))).await;
    let (_, theirs) = owner.api(Method::POST, "/tokens", Some(new("the owner's"))).await;
    assert_eq!(own["made_by"], json!(ann.id.to_string()));
    let address = |path: &str| format!("{}/api/v1{path}", world.address());
    let sends = async |request: reqwest::RequestBuilder, token: &Value| {
        request.bearer_auth(token["token"].as_str().unwrap()).send().await.unwrap()
    };
    let made = sends(tests::server::client().post(address("/tokens")).json(&new("made with hers")), &own).await;
    let made: Value = made.json().await.unwrap();
    let sees =
        async |token: &Value| sends(tests::server::client().get(address("/guilds")), token).await.status().as_u16();
    assert_eq!((sees(&own).await, sees(&made).await, sees(&theirs).await), (200, 200, 200));

    // Another role counts at the next request.
    assert_eq!(browser.api(Method::PUT, "/notifications", Some(json!({"emails": []}))).await.0, 200);
    assert_eq!(owner.api(Method::PATCH, &path, Some(json!({"role": "agent"}))).await.0, 200);
    let refused = browser.api(Method::PUT, "/notifications", Some(json!({"emails": []}))).await;
    assert_snapshot!(detail(&refused), @"403 This needs the role admin, and you are agent in this account.");
    assert_eq!(browser.api(Method::GET, "/guilds", None).await.0, 200);
    // So it does for her tokens, and for those that were made with them: they may what an agent may.
    let lists =
        async |token: &Value| sends(tests::server::client().get(address("/tokens")), token).await.status().as_u16();
    assert_eq!((sees(&own).await, sees(&made).await, sees(&theirs).await), (200, 200, 200));
    assert_eq!((lists(&own).await, lists(&made).await, lists(&theirs).await), (403, 403, 200));
    assert_eq!(owner.api(Method::PATCH, &path, Some(json!({"role": "admin"}))).await.0, 200);
    assert_eq!(lists(&own).await, 200, "what she may again, they may");

    assert_eq!(owner.api(Method::DELETE, &path, None).await.0, 204);
    assert_eq!((sees(&own).await, sees(&made).await, sees(&theirs).await), (401, 401, 200));
    let refused = browser.api(Method::GET, "/guilds", None).await;
    assert_snapshot!(detail(&refused), @"403 You are not a member of this account. Choose another account, or ask for an invitation.");
    assert_eq!(owner.api(Method::DELETE, &path, None).await.0, 404);
    assert_eq!(owner.api(Method::PATCH, &path, Some(json!({"role": "agent"}))).await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_keeps_an_owner() {
    let world = World::start(start()).await;
    let mut owner = world.browser_of(&world.operator).await;
    let own = format!("/members/{}", world.operator.id);
    let refused = owner.api(Method::DELETE, &own, None).await;
    assert_snapshot!(detail(&refused), @"409 This is the account's only owner. Make somebody else an owner first.");
    assert_eq!(owner.api(Method::PATCH, &own, Some(json!({"role": "agent"}))).await.0, 409);
    assert_eq!(owner.api(Method::PATCH, &own, Some(json!({"role": "owner"}))).await.0, 200, "that changes nothing");

    // Two owners who take each other's place at the same moment: one of them stays.
    let (ann, mut second) = joins(&world, &mut owner, "ann", "owner").await;
    let theirs = format!("/members/{}", ann.id);
    let (one, other) = tokio::join!(
        owner.api(Method::PATCH, &theirs, Some(json!({"role": "agent"}))),
        second.api(Method::PATCH, &own, Some(json!({"role": "agent"}))),
    );
    let mut statuses = [one.0, other.0];
    statuses.sort_unstable();
    assert!(matches!(statuses, [200, 403 | 409]), "{statuses:?}");
    let mut owners = 0;
    for browser in [&mut owner, &mut second] {
        owners += u32::from(browser.api(Method::GET, "/me", None).await.1["person"]["role"] == "owner");
    }
    assert_eq!(owners, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_invites_admins_and_no_owners() {
    let world = World::start(start()).await;
    let mut owner = world.browser_of(&world.operator).await;
    let (ann, mut admin) = joins(&world, &mut owner, "ann", "admin").await;
    let refused = admin.api(Method::POST, "/invitations", Some(json!({"role": "owner"}))).await;
    assert_snapshot!(detail(&refused), @"403 Only an owner may invite somebody as owner.");
    assert_eq!(admin.api(Method::PATCH, &format!("/members/{}", ann.id), Some(json!({"role": "owner"}))).await.0, 403);
    assert_eq!(admin.api(Method::DELETE, &format!("/members/{}", world.operator.id), None).await.0, 403);
    joins(&world, &mut admin, "bo", "admin").await;
    for wrong in [json!({}), json!({"role": "king"}), json!({"role": "agent", "plan": "pro"})] {
        assert_eq!(owner.api(Method::POST, "/invitations", Some(wrong)).await.0, 422);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_has_several_accounts_and_looks_at_one() {
    let mut world = World::start(start()).await;
    world.stop().await;
    let other = AccountId("other".to_owned());
    let store = world.table().await;
    let account = Account { id: other.clone(), name: "The other one".to_owned(), plan: Plan::Starter };
    let person = PersonId(world.operator.id.to_string());
    let member = Member { account: other.clone(), person, role: Role::Agent, since: Timestamp::now() };
    assert!(store.put_account_of(&account, &member, &note(&other)).await.unwrap());
    let closed = Account { id: AccountId("closed".to_owned()), ..account };
    store.put_account(&closed).await.unwrap();
    drop(store);
    world.restart().await;

    let mut browser = world.browser_of(&world.operator).await;
    let (_, accounts) = browser.api(Method::GET, "/me/accounts", None).await;
    let shown: Vec<_> = accounts["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["name"], one["role"], one["current"]))
        .collect();
    assert_eq!(shown, ["\"This machine\" \"owner\" true", "\"The other one\" \"agent\" false"]);
    assert_eq!(browser.api(Method::PUT, "/me/account", Some(json!({"account": "other"}))).await.0, 204);
    let (_, me) = browser.api(Method::GET, "/me", None).await;
    assert_eq!((&me["account"], &me["person"]["role"]), (&json!("other"), &json!("agent")));
    assert_eq!(browser.api(Method::GET, "/tokens", None).await.0, 403, "the role is that of this account");
    for unknown in ["closed", "nonsense", ""] {
        assert_eq!(
            browser.api(Method::PUT, "/me/account", Some(json!({"account": unknown}))).await.0,
            404,
            "{unknown}"
        );
    }
    assert_eq!(browser.api(Method::PUT, "/me/account", Some(json!({"account": "local"}))).await.0, 204);
    assert_eq!(browser.api(Method::GET, "/tokens", None).await.0, 200);

    // The same on a page.
    let page = browser.opens("/account").await;
    assert!(page.body.contains("The other one") && page.body.contains("action=\"/account/other/choose\""));
    assert_eq!(browser.submits("/account/closed/choose", &[]).await.status, 404);
    assert_eq!(browser.submits("/account/other/choose", &[]).await.location().path(), "/");
    assert_eq!(browser.api(Method::GET, "/me", None).await.1["account"], json!("other"));
    // Nobody leaves an account without an owner, and whoever leaves one looks at another.
    assert_eq!(browser.submits("/account/local/leave", &[]).await.status, 409);
    assert_snapshot!(detail(&browser.api(Method::DELETE, "/me/accounts/local", None).await), @"409 This is the account's only owner. Make somebody else an owner first.");
    assert_eq!(browser.api(Method::DELETE, "/me/accounts/closed", None).await.0, 404);
    assert_eq!(browser.submits("/account/other/leave", &[]).await.location().path(), "/account");
    assert_eq!(browser.api(Method::GET, "/me", None).await.1["account"], json!("local"));
    assert_eq!(browser.api(Method::DELETE, "/me/accounts/other", None).await.0, 404);

    // Whoever has left their only one can still see so, and sign out.
    let (_, mut ann) = joins(&world, &mut browser, "ann", "admin").await;
    assert_eq!(ann.api(Method::DELETE, "/me/accounts/local", None).await.0, 204);
    assert!(ann.opens("/usage").await.body.contains("href=\"/account\""));
    let page = ann.opens("/account").await;
    assert!(page.status == 200 && page.body.contains("You belong to no account any more."), "{}", page.body);
    assert_eq!(ann.submits("/sign-out/everywhere", &[]).await.status, 303);
    assert_eq!(ann.opens("/account").await.location().path(), "/sign-in");
    let (_, notes) = browser.api(Method::GET, "/audit", None).await;
    assert_eq!(notes["items"][0]["what"], json!("member.left"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_noted_with_who_made_it() {
    let world = World::start(start()).await;
    let mut owner = world.browser_of(&world.operator).await;
    let guild = world.discord.guild_id();
    let secret = "a secret that is in no trail: ".to_owned() + &"x".repeat(200);
    let settings = format!("/guilds/{guild}/settings");
    let patch = json!({"cooldown_seconds": 10, "instructions": secret});
    assert_eq!(owner.api(Method::PATCH, &settings, Some(patch)).await.0, 200);
    let text = json!({"kind": "text", "title": "Opening hours", "body": "Nobody may read this in the trail."});
    let (_, source) = owner.api(Method::POST, "/knowledge/sources", Some(text)).await;
    let source = format!("/knowledge/sources/{}", source["id"].as_str().unwrap());
    eventually(SOON, async || {
        let (_, source) = world.api(Method::GET, &source, None).await;
        (source["status"]["state"] == "ready").then_some(())
    })
    .await;
    assert_eq!(owner.api(Method::POST, &format!("{source}/refresh"), None).await.0, 202);
    assert_eq!(owner.api(Method::DELETE, &source, None).await.0, 204);
    let emails = json!({"emails": ["ann@example.com"], "language": "fr"});
    assert_eq!(owner.api(Method::PUT, "/notifications", Some(emails)).await.0, 200);
    let (_, token) = owner.api(Method::POST, "/tokens", Some(json!({"name": "website", "scopes": ["ask"]}))).await;
    let (bot, bots_token) = world.discord.add_bot("archivist");
    let key = world.discord.public_key_of(bot);
    let body = json!({"application_id": bot.to_string(), "public_key": key, "token": bots_token});
    assert_eq!(owner.api(Method::PUT, "/bot", Some(body)).await.0, 200);
    assert_eq!(owner.api(Method::DELETE, "/bot", None).await.0, 204);
    let (ann, _) = joins(&world, &mut owner, "ann", "agent").await;
    let member = format!("/members/{}", ann.id);
    assert_eq!(owner.api(Method::PATCH, &member, Some(json!({"role": "admin"}))).await.0, 200);
    assert_eq!(owner.api(Method::DELETE, &member, None).await.0, 204);
    let revoked = world.api(Method::DELETE, &format!("/tokens/{}", token["id"].as_str().unwrap()), None).await;
    assert_eq!(revoked.0, 204);
    assert_eq!(owner.api(Method::PATCH, "/accounts/local", Some(json!({"plan": "starter"}))).await.0, 200);

    let (status, all) = owner.api(Method::GET, "/audit", None).await;
    assert_eq!(status, 200, "{all}");
    let told = all["items"].as_array().unwrap().iter().rev().map(|note| {
        let changes = note["changes"].as_array().unwrap().iter().map(|change| {
            let value = |name: &str| change[name].as_str().unwrap_or("·").to_owned();
            format!(" {} {}→{}", value("field"), value("old"), value("new"))
        });
        let changes = changes.collect::<String>();
        format!(
            "{} {}{}",
            note["who"]["name"].as_str().unwrap(),
            note["what"].as_str().unwrap(),
            if changes.contains("inv-") { " …" } else { &changes }
        )
    });
    assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r#"
    olivia member.joined
    olivia settings.changed cooldown_seconds 0→10 instructions ""→·
    olivia source.added title ·→Opening hours
    olivia source.refreshed
    olivia source.removed
    olivia notifications.changed emails →ann@example.com language en→fr
    olivia token.created name ·→website scopes ·→ask
    olivia bot.set
    olivia bot.removed
    olivia invitation.created role ·→agent
    ann member.joined …
    olivia member.role_changed role agent→admin
    olivia member.removed role admin→·
    this machine token.revoked name website→·
    olivia plan.changed plan pro→starter
    "#);
    let trail = all.to_string();
    for private in [&secret, "Nobody may read this", &bots_token, token["token"].as_str().unwrap()] {
        assert!(!trail.contains(private), "{private}");
    }
    // In parts, each of which begins behind the one before.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, part) = owner.api(Method::GET, &format!("/audit?limit=4{cursor}"), None).await;
        seen.extend(part["items"].as_array().unwrap().clone());
        let Some(next) = part["cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(Value::Array(seen), all["items"]);
    assert_eq!(owner.api(Method::GET, "/audit?limit=0", None).await.0, 400);
    assert_eq!(owner.api(Method::GET, "/audit?cursor=nonsense", None).await.0, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_runs_the_installation_sets_an_accounts_plan() {
    let mut world = World::start(start()).await;
    let mut owner = world.browser_of(&world.operator).await;
    let (_, accounts) = owner.api(Method::GET, "/accounts", None).await;
    assert_eq!(accounts["items"], json!([{"id": "local", "name": "This machine", "plan": "pro"}]));
    let (status, changed) = owner.api(Method::PATCH, "/accounts/local", Some(json!({"plan": "starter"}))).await;
    assert_eq!((status, &changed["plan"]), (200, &json!("starter")));
    eventually(SOON, async || {
        let (_, usage) = world.api(Method::GET, "/usage", None).await;
        (usage["limit"] == 2_500).then_some(())
    })
    .await;
    assert_eq!(owner.api(Method::PATCH, "/accounts/local", Some(json!({"plan": "gold"}))).await.0, 422);
    assert_eq!(owner.api(Method::PATCH, "/accounts/nobody", Some(json!({"plan": "pro"}))).await.0, 404);
    // An owner who does not run the installation, and the machine's own token, may not.
    let (_, mut second) = joins(&world, &mut owner, "ann", "owner").await;
    for path in ["/accounts", "/accounts/local"] {
        assert_eq!(second.api(Method::GET, path, None).await.0, 403);
        assert_eq!(world.api(Method::GET, path, None).await.0, 403);
    }
    let refused = second.api(Method::PATCH, "/accounts/local", Some(json!({"plan": "pro"}))).await;
    assert_snapshot!(detail(&refused), @"403 Only those who run this installation may do this.");
    // It stays so at the next start, whatever `GUILDHALL_PLAN` says.
    world.restart().await;
    assert_eq!(world.api(Method::GET, "/usage", None).await.1["limit"], json!(2_500));
}

fn note(account: &AccountId) -> Note {
    Note {
        account: account.clone(),
        at: Timestamp::now(),
        id: "0".to_owned(),
        who: Who { kind: WhoKind::Operator, id: "test".to_owned(), name: "test".to_owned() },
        what: "test".to_owned(),
        on: None,
        changes: Vec::new(),
    }
}
