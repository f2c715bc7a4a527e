//! What admins see and set, with a browser that knows no scripts: it opens a page and sends its form.

use dom_query::{Document, Selection};
use guildhall::ids::{AccountId, SourceId};
use guildhall::knowledge::source::{Origin, Source, Status};
use guildhall::settings::Guild;
use insta::assert_snapshot;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;
use tests::browser::{Browser, Page};
use tests::server::eventually;
use tests::world::{SOON, Start, World};
use twilight_model::id::Id;

/// Every page that the navigation leads to, and those below them.
const PAGES: [&str; 14] = [
    "/",
    "/servers",
    "/servers/77",
    "/servers/77/health",
    "/knowledge",
    "/knowledge/add",
    "/knowledge/add?kind=site",
    "/knowledge/test?q=warranty",
    "/knowledge/questions",
    "/playground",
    "/usage",
    "/team",
    "/notifications",
    "/bot",
];

async fn world() -> World {
    World::start(Start { without_model: true, ..Start::default() }).await
}

fn text(selection: &Selection<'_>) -> String {
    selection.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of what a selector finds, one line for each.
fn words(page: &Page, selector: &str) -> Vec<String> {
    Document::from(page.body.as_str()).select(selector).iter().map(|found| text(&found)).collect()
}

/// What a form holds as a browser would send it, but for what is typed now.
fn filled(page: &Page, form: &str, typed: &[(&str, &str)]) -> Vec<(String, String)> {
    let document = Document::from(page.body.as_str());
    let form = document.select(form);
    assert_eq!(form.length(), 1, "no such form in {}", page.body);
    let mut fields: Vec<(String, String)> = Vec::new();
    for field in &form.select("input, textarea, select") {
        let attribute = |name: &str| field.attr(name).map(|value| value.to_string()).unwrap_or_default();
        let (name, kind) = (attribute("name"), attribute("type"));
        let is_choice = kind == "checkbox" || kind == "radio";
        if name.is_empty() || typed.iter().any(|(typed, _)| *typed == name) || (is_choice && !field.has_attr("checked"))
        {
            continue;
        }
        let value = if field.is("textarea") {
            field.text().trim_start_matches('\n').to_owned()
        } else if field.is("select") {
            field.select("option[selected]").attr("value").map(|value| value.to_string()).unwrap_or_default()
        } else {
            attribute("value")
        };
        fields.push((name, value));
    }
    fields.extend(typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    fields
}

/// Opens a page and sends a form of it.
async fn sends(browser: &mut Browser, path: &str, form: &str, typed: &[(&str, &str)]) -> Page {
    let page = browser.opens(path).await;
    assert_eq!(page.status, 200, "{path}: {}", page.body);
    let document = Document::from(page.body.as_str());
    let action = document.select(form).attr("action").map_or_else(|| path.to_owned(), |action| action.to_string());
    let fields = filled(&page, form, typed);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.submits(&action, &fields).await
}

/// Where a form that was taken leads, and what is told there.
async fn told(browser: &mut Browser, sent: &Page) -> String {
    assert_eq!(sent.status, 303, "{}", sent.body);
    let page = browser.goes(sent.location()).await;
    assert_eq!(page.status, 200, "{}", page.body);
    words(&page, "#notices").join(" ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_whole_and_allows_nothing_foreign() {
    let mut world = world().await;
    world.knows("Zephyr manual", "The warranty lasts 31 months.").await;
    let mut browser = world.browser();
    for path in PAGES.into_iter().chain(["/tokens"]) {
        let page = browser.opens(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{path}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(page.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(page.headers["cache-control"], "no-store", "{path}");

        let document = Document::from(page.body.as_str());
        assert_eq!(document.select("h1").length(), 1, "{path}");
        assert_eq!(document.select("main").length(), 1, "{path}");
        assert_eq!(document.select("html[lang=en]").length(), 1, "{path}");
        assert_eq!(
            document.select("script:not([src]), style, [style], [onclick]").length(),
            0,
            "{path} has something inline"
        );
        for field in &document.select("main input:not([type=hidden]), main textarea, main select") {
            let id = field.attr("id").unwrap_or_default();
            let is_labelled = field.ancestors(None).iter().any(|above| above.is("label"))
                || (!id.is_empty() && document.select(&format!("label[for='{id}']")).length() == 1);
            assert!(is_labelled, "{path}: a field without a label: {}", field.html());
        }
        let mut ids: Vec<String> =
            document.select("[id]").iter().filter_map(|found| found.attr("id").map(|id| id.to_string())).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all, "{path} has an id twice");
    }
    // What pages refer to is there, for good, and as small as it gets.
    let page = browser.opens("/").await;
    let document = Document::from(page.body.as_str());
    let mut addresses: Vec<String> = Vec::new();
    for (selector, attribute) in [("link[href]", "href"), ("script[src]", "src")] {
        addresses.extend(
            document.select(selector).iter().filter_map(|found| found.attr(attribute).map(|to| to.to_string())),
        );
    }
    assert_eq!(addresses.len(), 4);
    for address in addresses {
        let asset = browser.opens(&address).await;
        assert_eq!((asset.status, asset.headers["cache-control"].to_str().unwrap().contains("immutable")), (200, true));
    }
    assert_eq!(browser.opens("/assets/app-000000000000.css").await.status, 404);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_set_and_what_cannot_be_used_is_said_beside_it() {
    let world = world().await;
    let mut browser = world.browser();
    let form = "form.settings";

    let typed = [
        ("mode", "all_messages"),
        ("smart", "on"),
        ("persona", "You are <b>Zeph</b>.\r\nYou are calm."),
        ("instructions", "Be <b>brief</b>."),
        ("cooldown_seconds", "10"),
    ];
    let sent = sends(&mut browser, "/servers/77", form, &typed).await;
    assert_snapshot!(told(&mut browser, &sent).await, @"Saved. The server follows the new settings within seconds.");
    let (_, settings) = world.api(Method::GET, "/guilds/77/settings", None).await;
    assert_eq!(settings["response_mode"], json!({"mode": "all_messages", "smart": true, "channel_context": false}));
    assert_eq!(settings["persona"], "You are <b>Zeph</b>.\nYou are calm.");
    assert_eq!((&settings["instructions"], &settings["cooldown_seconds"]), (&json!("Be <b>brief</b>."), &json!(10)));

    // Everything wrong is said at once, and nothing that was typed is lost.
    let long = "é".repeat(4_001);
    let wrong = [
        ("persona", &long[..1_002]),
        ("instructions", long.as_str()),
        ("cooldown_seconds", "ten"),
        ("questions_per_hour", "1001"),
        ("channels_allow_ids", "5 <#6> general"),
    ];
    let sent = sends(&mut browser, "/servers/77", form, &wrong).await;
    assert_eq!(sent.status, 422);
    assert_snapshot!(words(&sent, ".error").join("\n"), @r"
    The persona is longer than 500 characters.
    The instructions are longer than 4,000 characters.
    “general” is no id. Ids are numbers, or mentions such as <#123>.
    This must be a whole number, 0 or more.
    At most 1,000; 0 means no bound.
    ");
    let again = filled(&sent, form, &[]);
    for (name, value) in wrong {
        assert!(again.contains(&(name.to_owned(), value.to_owned())), "{name} is lost");
    }
    let document = Document::from(sent.body.as_str());
    let field = document.select("#cooldown_seconds");
    assert_eq!(field.attr("aria-invalid").as_deref(), Some("true"));
    assert!(field.attr("aria-describedby").is_some_and(|ids| ids.contains("cooldown_seconds-error")));
    let (_, settings) = world.api(Method::GET, "/guilds/77/settings", None).await;
    assert_eq!(settings["cooldown_seconds"], 10, "what was refused changed nothing");

    // Two admins have the page open.
    let page = browser.opens("/servers/77").await;
    let mine = filled(&page, form, &[("cooldown_seconds", "30")]);
    let theirs = sends(&mut browser, "/servers/77", form, &[("cooldown_seconds", "20")]).await;
    assert_eq!(theirs.status, 303);
    let mine: Vec<(&str, &str)> = mine.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let sent = browser.submits("/servers/77", &mine).await;
    assert_eq!((sent.status, words(&sent, ".notice.warn").join(" ").contains("Somebody else")), (422, true));
    let again = filled(&sent, form, &[]);
    assert!(again.contains(&("cooldown_seconds".to_owned(), "30".to_owned())));
    let again: Vec<(&str, &str)> = again.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(browser.submits("/servers/77", &again).await.status, 303, "whoever has seen it may replace it");
    let (_, settings) = world.api(Method::GET, "/guilds/77/settings", None).await;
    assert_eq!(settings["cooldown_seconds"], 30);

    let page = browser.opens("/servers/open?id=abc").await;
    assert_eq!((page.status, words(&page, ".error").len()), (422, 1));
    assert_eq!(browser.opens("/servers/open?id=77").await.location().path(), "/servers/77");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn knowledge_is_added_read_tested_and_removed() {
    let mut world = world().await;
    let mut browser = world.browser();
    let page = browser.opens("/knowledge").await;
    assert_eq!(words(&page, ".empty-state h2"), ["It knows nothing yet"]);

    for (kind, typed, error) in [
        ("text", &[("title", ""), ("body", "b")][..], "Neither this nor the other field may be empty."),
        ("qa", &[("title", "t"), ("body", " ")], "Neither this nor the other field may be empty."),
        ("page", &[("url", "docs.example.com")], "This is no web address. It begins with https:// or http://."),
        ("page", &[("url", "ftp://a.example/")], "Only addresses that begin with https:// or http:// can be read."),
        ("site", &[("url", "https://a.example/"), ("max_pages", "9999")], "This must be a whole number up to 2,000."),
    ] {
        let sent = sends(&mut browser, &format!("/knowledge/add?kind={kind}"), "form.card", typed).await;
        assert_eq!((sent.status, words(&sent, ".error")), (422, vec![error.to_owned()]), "{kind}");
        let again = filled(&sent, "form.card", &[]);
        for (name, value) in typed {
            assert!(again.contains(&((*name).to_owned(), (*value).to_owned())), "{kind}: {name} is lost");
        }
    }

    let typed = [
        ("title", "<script>alert(1)</script>"),
        ("body", "The **warranty** lasts 31 months. <img src=x onerror=alert(1)>"),
    ];
    let sent = sends(&mut browser, "/knowledge/add?kind=text", "form.card", &typed).await;
    assert!(told(&mut browser, &sent).await.starts_with("Taken in."));
    let row = eventually(SOON, async || {
        let page = browser.clone().opens("/knowledge/list").await;
        let row = words(&page, ".rows li").join("");
        row.contains("Ready").then_some((page, row))
    })
    .await;
    assert!(row.1.starts_with("<script>alert(1)</script>"), "{}", row.1);
    let document = Document::from(row.0.body.as_str());
    assert_eq!(
        document.select("script, [hx-trigger]").length(),
        0,
        "hostile names are text, and nothing is asked again"
    );

    let link = document.select(".rows a").attr("href").unwrap().to_string();
    let page = browser.opens(&format!("{link}?passages=0")).await;
    assert_eq!((page.status, words(&page, ".prose strong")), (200, vec!["warranty".to_owned()]));
    assert_eq!(Document::from(page.body.as_str()).select("main img, main script").length(), 0);

    let page = browser.opens("/knowledge/test?q=how+long+is+the+warranty").await;
    assert_eq!(words(&page, ".hits li").len(), 1);
    let page = browser.opens("/knowledge/test?q=").await;
    assert_eq!((page.status, words(&page, ".hits li").len()), (200, 0));
    assert_eq!(browser.opens(&format!("/knowledge/test?q={}", "x".repeat(6_001))).await.status, 422);

    let sent = sends(&mut browser, &link, "form[action$=refresh]", &[]).await;
    assert!(told(&mut browser, &sent).await.starts_with("It is being read again."));
    let sent = sends(&mut browser, &link, "form[action$=remove]", &[]).await;
    assert!(told(&mut browser, &sent).await.starts_with("Removed."));
    eventually(SOON, async || (browser.clone().opens(&link).await.status == 404).then_some(())).await;

    // A long list, the newest first.
    world.kill().await;
    let store = world.table().await;
    for number in 1..=60 {
        store.put_source(&listed_source(number)).await.expect("the table takes it");
    }
    drop(store);
    world.restart().await;
    let mut browser = world.browser();
    let rows = |page: &Page| words(page, ".rows .cover");
    let along = |page: &Page, way: &str| {
        let link = Document::from(page.body.as_str()).select(&format!(".pager a[rel={way}]")).attr("href");
        link.map(|link| link.to_string())
    };
    let first = browser.opens("/knowledge").await;
    assert_eq!((rows(&first).len(), &*rows(&first)[0], along(&first, "prev")), (50, "Part 60", None));
    let second = browser.opens(&along(&first, "next").expect("there is more")).await;
    assert_eq!((rows(&second).len(), &*rows(&second)[9], along(&second, "next")), (10, "Part 1", None));
    let back = browser.opens(&along(&second, "prev").expect("there is the first page")).await;
    assert_eq!((rows(&back), along(&back, "prev")), (rows(&first), None));
    assert_eq!(along(&back, "next"), along(&first, "next"));
    assert_eq!(rows(&browser.opens("/knowledge?find=pArT+1&only=").await).len(), 11);
    let failed = browser.opens("/knowledge?only=failed").await;
    assert_eq!(
        (rows(&failed), words(&failed, ".count")),
        (vec!["Part 40".into(), "Part 20".into()], vec!["2 sources".into()])
    );
    assert_eq!(words(&browser.opens("/knowledge?find=part&only=reading").await, ".empty"), ["No source fits."]);
    assert_eq!(rows(&browser.opens("/knowledge?after=nonsense").await), rows(&first));
    assert!(words(&browser.opens("/").await, "main").join("").contains("Part 20"), "it says what could not be read");

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/knowledge/sources?limit=25{cursor}");
        let (_, part) = world.api(Method::GET, &path, None).await;
        seen.extend(part["items"].as_array().expect("a list").iter().map(|source| source["title"].clone()));
        let Some(next) = part["cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, (1..=60).map(|number| json!(format!("Part {number}"))).collect::<Vec<_>>(), "oldest first");
}

fn listed_source(number: i64) -> Source {
    let at = Timestamp::from_second(number).expect("within range");
    let failed = || Status::Failed { reason: "It is gone.".to_owned(), cause: None };
    Source {
        id: SourceId(format!("part-{number}")),
        account: AccountId::local(),
        origin: Origin::Text,
        title: format!("Part {number}"),
        status: if matches!(number, 20 | 40) { failed() } else { Status::Ready },
        ready: None,
        content: None,
        revision: at,
        original: None,
        created_at: at,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_files_come_in_one_form() {
    let world = world().await;
    let mut browser = world.browser();
    let form = |files: &[(&str, &str)]| {
        let part = |(name, text): &(&str, &str)| {
            format!(
                "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
                 Content-Type: text/markdown\r\n\r\n{text}\r\n"
            )
        };
        let csrf = "--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n\r\n";
        format!("{csrf}{}--b--\r\n", files.iter().map(part).collect::<String>())
    };
    let origin = browser.origin();
    let address = format!("{origin}/knowledge/files").parse().unwrap();
    let mut upload = async |files: &[(&str, &str)], origin: &str| {
        let body = Some(("multipart/form-data; boundary=b", form(files)));
        browser.sends(Method::POST, &address, &[("origin", origin)], body).await
    };
    let sent = upload(&[("one.md", "# One\n\nIt is blue."), ("../../two.md", "# Two\n\nIt is red.")], &origin).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let (_, sources) = world.api(Method::GET, "/knowledge/sources", None).await;
    assert_eq!(sources["items"].as_array().unwrap().len(), 2);

    let sent = upload(&[("three.md", "# Three\n\nIt is green."), ("empty<b>.md", "")], &origin).await;
    assert_eq!(
        (sent.status, words(&sent, ".upload")),
        (422, vec!["three.md is taken in".to_owned(), "empty<b>.md is empty.".to_owned()])
    );
    let sent = upload(&[], &origin).await;
    assert_eq!((sent.status, words(&sent, ".upload")), (422, vec!["Choose at least one file.".to_owned()]));
    assert_eq!(upload(&[("four.md", "x")], "https://evil.example").await.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_playground_answers_with_sources() {
    let world = World::new().await;
    world.knows("Zephyr manual", "# Warranty\n\nThe warranty lasts 31 months.").await;
    world.model.reads("warranty", "It lasts **31 months**. <script>alert(1)</script> [1]");
    let mut browser = world.browser();
    let sent =
        sends(&mut browser, "/playground", "form#ask", &[("question", "How long is the <b>warranty</b>?")]).await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    assert_eq!(words(&sent, ".asked .pre"), ["How long is the <b>warranty</b>?"]);
    assert_eq!(words(&sent, ".answer strong"), ["31 months"]);
    assert_eq!(Document::from(sent.body.as_str()).select("main script").length(), 0);
    assert_eq!(words(&sent, ".sources li").len(), 1);
    assert!(!words(&sent, ".steps-took dt").is_empty(), "the time of each step is told");

    // The conversation goes on.
    let fields = filled(&sent, "form#ask", &[("question", "And the warranty of the hinge?")]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let sent = browser.submits("/playground", &fields).await;
    assert_eq!(words(&sent, ".exchange").len(), 2);

    let sent = sends(&mut browser, "/playground", "form#ask", &[("question", " ")]).await;
    assert_eq!((sent.status, words(&sent, ".refusal").len()), (422, 1));
    assert_eq!(world.used().await, 2);

    // As in a server it is who it is there, and nobody elsewhere.
    let told =
        |world: &World| world.model.chats().last().expect("it was asked").messages()[0].1.contains("You are Zeph.");
    let persona = json!({"persona": "You are Zeph."});
    assert_eq!(world.api(Method::PATCH, "/guilds/77/settings", Some(persona)).await.0, 200);
    let ask = json!({"question": "How long is the warranty?", "guild": "77"});
    assert!(!told(&world) && world.api(Method::POST, "/ask", Some(ask)).await.0 == 200 && told(&world));
    let typed = [("question", "How long is the warranty?")];
    let page = sends(&mut browser, "/playground", "form#ask", &typed).await;
    assert!(!told(&world) && words(&page, "#guild option").len() == 2, "{}", page.body);
    let page = sends(&mut browser, "/playground", "form#ask", &[("guild", "77"), typed[0]]).await;
    assert!(told(&world), "{}", page.body);
    assert_eq!(words(&page, "#guild option[selected]").len(), 1, "the choice stays");
    let nobodys = json!({"question": "How long is the warranty?", "guild": "nonsense"});
    assert_eq!(world.api(Method::POST, "/ask", Some(nobodys)).await.0, 422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_shown_once_and_notifications_are_checked() {
    let world = world().await;
    let mut browser = world.browser();
    let form = "form[action='/tokens']";
    let sent = sends(&mut browser, "/tokens", form, &[("name", " ")]).await;
    assert_eq!(
        (sent.status, words(&sent, ".error")),
        (422, vec!["A name has 1 to 100 visible characters.".to_owned()])
    );
    let sent = sends(&mut browser, "/tokens", form, &[("name", "none"), ("scope", "")]).await;
    assert_eq!((sent.status, words(&sent, "#scopes-error").len()), (422, 1));

    let sent = sends(&mut browser, "/tokens", form, &[("name", "<i>website</i>"), ("scope", "ask")]).await;
    let secret = words(&sent, "#secret").join("");
    assert!(sent.status == 200 && secret.starts_with("gh_"), "{}", sent.body);
    let page = browser.opens("/tokens").await;
    assert!(!page.body.contains(&secret) && page.body.contains("&#60;i&#62;website"), "{}", page.body);
    let revoke = "li:nth-child(1) form[action$=revoke]";
    let sent = sends(&mut browser, "/tokens", revoke, &[]).await;
    assert!(told(&mut browser, &sent).await.starts_with("Revoked."));

    let sent = sends(&mut browser, "/notifications", "main form", &[("emails", "ann@example.com\nnobody")]).await;
    assert_eq!(
        (sent.status, words(&sent, ".error")),
        (422, vec!["“nobody” is no e-mail address that can be used.".to_owned()])
    );
    assert!(filled(&sent, "main form", &[]).contains(&("emails".to_owned(), "ann@example.com\nnobody".to_owned())));
    let sent =
        sends(&mut browser, "/notifications", "main form", &[("emails", "ann@example.com"), ("language", "fr")]).await;
    assert!(told(&mut browser, &sent).await.starts_with("Saved."));
    let (_, kept) = world.api(Method::GET, "/notifications", None).await;
    assert_eq!(kept, json!({"emails": ["ann@example.com"], "language": "fr"}));

    let wrong = [("application_id", "x"), ("public_key", "y"), ("token", "z")];
    let sent = sends(&mut browser, "/bot", "form[data-guard]", &wrong).await;
    assert_eq!(
        (sent.status, words(&sent, ".error")),
        (422, vec!["This must be the number that the application's page shows.".to_owned()])
    );
    assert!(!sent.body.contains("value=\"z\""), "a token is never shown again");

    // What was done is told to the team.
    let page = browser.opens("/team").await;
    let told = words(&page, ".audit li").join("\n");
    assert!(told.contains("Local admin made a token") && told.contains("<i>website</i>"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_sites_forms_change_nothing() {
    let world = World::start(Start { without_model: true, with_sign_in: true, ..Start::default() }).await;
    let mut owner = world.browser_of(&world.operator).await;
    let page = owner.opens("/notifications").await;
    let fields = filled(&page, "main form", &[("emails", "evil@example.com")]);
    assert!(fields.iter().any(|(name, value)| name == "csrf" && value.len() > 20));
    let address = format!("{}/notifications", owner.origin()).parse().unwrap();
    let kind = "application/x-www-form-urlencoded";
    let body = "emails=evil%40example.com&language=en".to_owned();
    let origin = owner.origin();
    for headers in [&[("origin", origin.as_str())][..], &[("origin", "https://evil.example")], &[]] {
        let sent = owner.sends(Method::POST, &address, headers, Some((kind, body.clone()))).await;
        assert_eq!((sent.status, words(&sent, "h1")), (403, vec!["You may not do this".to_owned()]), "{headers:?}");
    }
    let headers = [("origin", origin.as_str()), ("accept-language", "fr")];
    let sent = owner.sends(Method::POST, &address, &headers, Some((kind, body.clone()))).await;
    assert!(sent.body.contains("Cette modification ne vient pas d’une page de ce Guildhall"), "{}", sent.body);
    // A form that is too large is a page too where a cookie comes with it, before anybody looks whose it is.
    let large = format!("{body}&x={}", "x".repeat(10_000_000));
    let sent = owner.sends(Method::POST, &address, &headers, Some((kind, large))).await;
    assert_eq!((sent.status, words(&sent, "h1")), (413, vec!["C’est trop volumineux".to_owned()]));
    assert!(sent.headers.contains_key("content-security-policy"));
    let sent = sends(&mut owner, "/notifications", "main form", &[("emails", "ann@example.com")]).await;
    assert_eq!(sent.status, 303);

    // Who is not signed in is asked to, and comes back to where they wanted to go.
    let mut stranger = world.browser();
    let page = stranger.opens("/servers/77?x=1").await;
    assert_eq!((page.status, page.location().as_str().ends_with("/sign-in?next=%2Fservers%2F77%3Fx%3D1")), (303, true));
    assert_eq!(stranger.submits("/notifications", &[("emails", "")]).await.location().path(), "/sign-in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_speak_the_visitors_language_and_wear_their_colours() {
    let world = world().await;
    let mut browser = world.browser();
    let address = format!("{}/servers", browser.origin()).parse().unwrap();
    let page = browser.sends(Method::GET, &address, &[("accept-language", "fr-CA, en;q=0.5")], None).await;
    assert_eq!(
        (words(&page, "h1"), Document::from(page.body.as_str()).select("html[lang=fr]").length()),
        (vec!["Serveurs".to_owned()], 1)
    );

    let sent = browser.submits("/preferences", &[("language", "fr"), ("back", "/usage")]).await;
    assert_eq!((sent.status, sent.location().path()), (303, "/usage"));
    let page = browser.opens("/usage").await;
    assert_eq!(words(&page, "h1"), ["Utilisation et offre"]);
    let sent = browser.submits("/preferences", &[("theme", "dark"), ("back", "//evil.example/")]).await;
    assert_eq!((sent.location().origin(), sent.location().path()), (address.origin(), "/"));
    let page = browser.opens("/nowhere").await;
    assert_eq!((page.status, words(&page, "h1")), (404, vec!["Il n’y a rien ici".to_owned()]));
    assert_eq!(Document::from(page.body.as_str()).select("html[data-theme=dark]").length(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_another_accounts_is_not_there_and_large_forms_are_refused() {
    let mut world = world().await;
    world.stop().await;
    let store = world.table().await;
    let theirs = Guild { version: 1, ..Guild::new(Id::new(78), AccountId("somebody".to_owned())) };
    assert!(store.put_guild(&theirs, Timestamp::now()).await.unwrap());
    drop(store);
    world.restart().await;
    let mut browser = world.browser();
    for path in ["/servers/78", "/servers/78/health", "/servers/x", "/knowledge/src-0", "/knowledge/src-0/progress"] {
        let page = browser.opens(path).await;
        assert_eq!((page.status, words(&page, "h1")), (404, vec!["There is nothing here".to_owned()]), "{path}");
    }
    for path in [
        "/servers/78",
        "/knowledge/src-0/remove",
        "/tokens/tok-0/revoke",
        "/team/1/remove",
        "/knowledge/questions/1/close",
    ] {
        assert_eq!(browser.submits(path, &[]).await.status, 404, "{path}");
    }
    assert_eq!(browser.submits("/nowhere", &[]).await.status, 404);
    assert_eq!(browser.submits("/usage", &[]).await.status, 405);
    let page = browser.submits("/servers/77", &[("instructions", &"x".repeat(10_000_000))]).await;
    assert_eq!((page.status, words(&page, "h1")), (413, vec!["That is too large".to_owned()]));
    assert_eq!(words(&page, "nav a[href='/servers']").len(), 1, "the way on is there");
}
