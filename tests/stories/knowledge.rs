//! A team teaches Guildhall: what is added answers, what changes is read again, what is removed is gone.

use std::time::Duration;

use guildhall::ids::{AccountId, SourceId};
use guildhall::job::Job;
use guildhall::store::StoredJob;
use insta::assert_snapshot;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tests::browser::Browser;
use tests::fake_model::Fault;
use tests::fake_site::{FakeSite, Page};
use tests::server::{data_folder, eventually};
use tests::world::{SOON, Start, World};

use super::documents::{
    PATIENCE, add, docx, finds, found, guildhall, page, pdf, printed, ready, reason, refresh, source, upload,
};

#[tokio::test]
async fn every_kind_of_source_answers() {
    let (world, site) = (World::new().await, FakeSite::start().await);
    site.article("/hinges", "Hinges", "<p>The hinge is greased with walnut oil.</p>", &["/"]);
    let html =
        "<html><title>Lamps</title><body><nav>Home</nav><main><p>The lamp takes a bayonet bulb.</p></main></html>";
    let sources = [
        add(&world, json!({"kind": "text", "title": "Doors", "body": "The door is locked at sunset."})).await,
        add(&world, json!({"kind": "qa", "question": "Who feeds the cat?", "answer": "The porter feeds her."})).await,
        add(&world, page(&format!("{}/hinges", site.url()))).await,
        upload(&world, "windows.md", "# Windows\n\nThe glass is washed with vinegar.").await,
        upload(&world, "notes.txt", "The attic holds the old telescope.").await,
        upload(&world, "lamps.html", html).await,
        upload(&world, "stairs.pdf", pdf("The staircase has ninety steps.")).await,
        upload(&world, "roof.docx", docx("The roof is made of slate.")).await,
    ];
    for id in &sources {
        ready(&world, id).await;
    }
    for (question, answer) in [
        ("when is the door locked", "locked at sunset"),
        ("Who feeds the cat?", "The porter feeds her"),
        ("what greases a hinge", "walnut oil"),
        ("how to wash the glass", "vinegar"),
        ("where is the telescope", "attic"),
        ("which bulb for the lamp", "bayonet"),
        ("how many steps has the staircase", "ninety"),
        ("what is the roof made of", "slate"),
    ] {
        finds(&found(&world, question).await, answer);
    }
    assert!(found(&world, "cookies newsletter imprint").await.is_empty(), "what surrounds an article is not read");

    world.model.reads("staircase", "It has ninety steps. [1]");
    let ann = world.member("ann");
    ann.asks("How many steps has the staircase?").await;
    assert_snapshot!(ann.sees().await, @"
    It has ninety steps. [1]
    -# Sources: [1] stairs.pdf
    [👍] [👎]
    ");
    world.is_quiet();
}

#[tokio::test]
async fn a_site_is_read_by_its_links_as_far_as_it_and_the_team_allow() {
    let (world, site, other) = (World::new().await, FakeSite::start().await, FakeSite::start().await);
    let elsewhere = format!("{}/away", other.url());
    site.robots("User-agent: *\nDisallow: /private\nCrawl-delay: 1\n");
    site.article("/docs/", "Start", "<p>Begin with the anvil.</p>", &["/docs/one", "/private", &elsewhere, "/shop"]);
    site.article("/docs/one", "One", "<p>Then comes the bellows.</p>", &["/docs/two", "/docs/gone"]);
    site.article("/docs/two", "Two", "<p>Last is the chisel.</p>", &["/docs/three"]);
    site.article("/docs/three", "Three", "<p>Too far away is the drill.</p>", &[]);
    site.article("/private", "Private", "<p>The secret is the elbow.</p>", &[]);
    site.article("/shop", "Shop", "<p>Buy a file.</p>", &[]);

    let what = json!({"kind": "site", "url": format!("{}/docs/", site.url()), "max_depth": 2});
    let read = ready(&world, &add(&world, what).await).await;
    assert_eq!(read["ready"]["documents"], 3, "{read}");
    let missing = read["ready"]["skipped"].to_string();
    assert!(missing.contains("/docs/gone: The page answered 404 Not Found"), "{missing}");

    finds(&found(&world, "bellows").await, "Then comes the bellows");
    finds(&found(&world, "chisel").await, "Last is the chisel");
    for unread in ["/docs/three", "/private", "/shop"] {
        assert_eq!(site.count(unread), 0, "{unread}");
    }
    assert!(other.hits().is_empty(), "another host is another site");
    let pages: Vec<_> = site.hits().into_iter().filter(|hit| hit.path.starts_with("/docs/")).collect();
    for two in pages.windows(2) {
        let pause = two[1].at.duration_since(two[0].at);
        assert!(pause >= Duration::from_millis(900), "the site asked for a second: {pause:?}");
    }
    assert!(pages.iter().all(|hit| hit.user_agent.starts_with("Guildhall/")));
}

#[tokio::test]
async fn a_site_is_read_by_its_sitemap_up_to_the_limit_and_tells_how_far_it_is() {
    let (world, site) = (World::new().await, FakeSite::start().await);
    site.article("/", "Start", "<p>Welcome to the forge.</p>", &["/unlisted"]);
    site.article("/unlisted", "Unlisted", "<p>Nobody lists this one.</p>", &[]);
    let paths: Vec<String> = (0..12).map(|n| format!("/tool/{n}")).collect();
    for path in &paths {
        let tool = Page::article(path, &format!("<p>This tool is kept at {path}.</p>"), &[]);
        site.put(path, Page::Slow(Duration::from_millis(300), Box::new(tool)));
    }
    site.sitemap(&paths.iter().map(String::as_str).collect::<Vec<_>>());

    let id = add(&world, json!({"kind": "site", "url": site.url(), "max_pages": 9})).await;
    let mut states = Vec::new();
    let reading = async {
        loop {
            let source = source(&world, &id).await;
            states.push(source["status"].clone());
            if source["status"]["state"] == "ready" {
                return source;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let read = tokio::time::timeout(PATIENCE, reading).await.expect("it becomes ready");
    assert_eq!(read["ready"]["documents"], 9, "{read}");
    assert!(read["ready"]["skipped"].to_string().contains("more than 9 pages"), "{read}");
    assert_eq!(site.count("/unlisted"), 0);
    let counts = |status: &serde_json::Value| Some((status["done"].as_u64()?, status["total"].as_u64()?));
    let counts: Vec<(u64, u64)> = states.iter().filter_map(counts).collect();
    assert!(counts.iter().any(|&(done, total)| done > 0 && done < total && total == 9), "{counts:?}");
    assert!(counts.is_sorted_by_key(|&(done, _)| done), "it does not go backwards: {counts:?}");
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again_and_stays() {
    let (world, site) = (World::new().await, FakeSite::start().await);
    site.article("/", "Start", "<p>Welcome to the forge.</p>", &["/a", "/b"]);
    site.article("/a", "A", "<p>The anvil stands in the north.</p>", &[]);
    site.article("/b", "B", "<p>The bellows hang in the south.</p>", &[]);
    let id = add(&world, json!({"kind": "site", "url": site.url()})).await;
    ready(&world, &id).await;
    let alone = add(&world, page(&format!("{}/a", site.url()))).await;
    ready(&world, &alone).await;

    site.article("/b", "B", "<p>The bellows hang in the west.</p>", &[]);
    refresh(&world, &id).await;
    refresh(&world, &alone).await;
    let read = ready(&world, &id).await;
    ready(&world, &alone).await;
    assert_eq!(read["ready"]["documents"], 3, "{read}");
    assert_eq!((site.not_modified("/a"), site.not_modified("/b")), (2, 0));
    finds(&found(&world, "where is the anvil").await, "north");
    let bellows = found(&world, "where are the bellows").await;
    finds(&bellows, "west");
    assert!(!bellows.iter().any(|text| text.contains("south")), "{bellows:?}");
}

#[tokio::test]
async fn the_old_version_answers_until_the_new_one_is_whole_or_when_there_is_none() {
    let (world, site) = (World::new().await, FakeSite::start().await);
    let prices = |price: &str| Page::article("Prices", &format!("<p>The lantern costs {price} crowns.</p>"), &[]);
    site.article("/", "Start", "<p>Welcome to the shop.</p>", &["/prices", "/slow"]);
    site.put("/prices", prices("seven"));
    site.article("/slow", "Slow", "<p>Delivery takes a week.</p>", &[]);
    let id = add(&world, json!({"kind": "site", "url": site.url()})).await;
    ready(&world, &id).await;
    let before = site.count("/slow");

    site.put("/prices", prices("nine"));
    let slow = Page::article("Slow", "<p>Delivery takes a month.</p>", &[]);
    site.put("/slow", Page::Slow(Duration::from_secs(3), Box::new(slow)));
    refresh(&world, &id).await;
    // The changed page is read, the site is not: nothing of it may answer yet.
    eventually(SOON, async || (site.count("/slow") > before).then_some(())).await;
    let answers = found(&world, "what does the lantern cost").await;
    let state = source(&world, &id).await["status"]["state"].clone();
    assert_eq!(state, "indexing");
    finds(&answers, "seven");
    ready(&world, &id).await;
    let answers = found(&world, "what does the lantern cost").await;
    finds(&answers, "nine");
    assert!(!answers.iter().any(|text| text.contains("seven")), "{answers:?}");

    // A page whose server has a bad hour stays; a site whose server has one fails and stays.
    site.put("/prices", Page::Status(503));
    refresh(&world, &id).await;
    let read = ready(&world, &id).await;
    assert!(read["ready"]["skipped"].to_string().contains("/prices: The page answered 503"), "{read}");
    finds(&found(&world, "what does the lantern cost").await, "nine");
    site.put("/", Page::Status(500));
    refresh(&world, &id).await;
    assert_snapshot!(reason(&world, &id).await, @"The page answered 500 Internal Server Error: its server has a problem. Try again later");
    // A program reads a code, and people read in their own language, here and on the page.
    let french =
        world.request(Method::GET, &format!("/knowledge/sources/{id}")).header("accept-language", "fr-FR, en;q=0.5");
    let told: Value = french.send().await.expect("it answers").json().await.expect("it is JSON");
    assert_snapshot!(told["status"].to_string(), @r#"{"cause":{"code":"server_failed","status":500},"reason":"La page a répondu 500 Internal Server Error : son serveur a un problème. Réessayez plus tard","state":"failed"}"#);
    let list = format!("{}/knowledge", world.address()).parse().expect("an address");
    let page = Browser::new(&world.address()).sends(Method::GET, &list, &[("accept-language", "fr")], None).await;
    assert!(page.body.contains("son serveur a un problème. Réessayez plus tard"), "{}", page.body);
    let answers = found(&world, "how long does delivery take").await;
    finds(&answers, "month");
}

#[tokio::test]
async fn the_same_again_replaces_equal_texts_are_found_once_and_what_is_removed_is_gone() {
    let world = World::new().await;
    let first = upload(&world, "hours.md", "The workshop opens at eight.").await;
    ready(&world, &first).await;
    let again = upload(&world, "hours.md", "The workshop opens at ten.").await;
    assert_eq!(again, first);
    ready(&world, &again).await;
    let copy = upload(&world, "copy.md", "The workshop opens at ten.").await;
    ready(&world, &copy).await;
    assert_eq!(found(&world, "when does the workshop open").await, ["The workshop opens at ten."]);

    // While it is being read it changes once more: the newest counts.
    for hour in ["eleven", "noon", "one", "two"] {
        upload(&world, "hours.md", format!("The workshop opens at {hour}.")).await;
    }
    eventually(SOON, async || {
        let texts = found(&world, "when does the workshop open").await;
        (texts.len() == 2 && texts.iter().any(|text| text.contains("two"))).then_some(())
    })
    .await;

    for id in [&first, &copy] {
        let (status, _) = world.api(Method::DELETE, &format!("/knowledge/sources/{id}"), None).await;
        assert_eq!(status, 204);
    }
    eventually(SOON, async || (source(&world, &copy).await["status"] == 404).then_some(())).await;
    eventually(SOON, async || (source(&world, &first).await["status"] == 404).then_some(())).await;
    assert!(found(&world, "when does the workshop open").await.is_empty());
    let sources = world.data().join("files/accounts/local/sources");
    for folder in std::fs::read_dir(&sources).expect("it is there") {
        let files: Vec<_> = std::fs::read_dir(folder.expect("an entry").path()).expect("a folder").collect();
        assert!(files.is_empty(), "{files:?}");
    }
    let (status, _) = world.api(Method::DELETE, &format!("/knowledge/sources/{first}"), None).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn indexing_survives_the_death_of_the_process_at_any_point() {
    let (mut world, site) = (World::new().await, FakeSite::start().await);
    let paths: Vec<String> = (0..15).map(|n| format!("/room/{n}")).collect();
    site.article("/", "Rooms", "<p>All rooms.</p>", &[]);
    for path in &paths {
        let room = Page::article(path, &format!("<p>The key of {path} is brass.</p>"), &[]);
        site.put(path, Page::Slow(Duration::from_millis(100), Box::new(room)));
    }
    site.sitemap(&paths.iter().map(String::as_str).collect::<Vec<_>>());
    let mut ids = vec![add(&world, json!({"kind": "site", "url": site.url()})).await];
    for n in 0..20 {
        ids.push(upload(&world, &format!("{n}.md"), format!("Drawer {n} holds spoon number {n}.")).await);
    }
    for pause in [0, 300, 1_000] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        world.restart().await;
    }
    for id in &ids {
        ready(&world, id).await;
    }
    let (_, listed) = world.api(Method::GET, "/knowledge/sources?limit=500", None).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(ids.len()));
    assert_eq!(source(&world, &ids[0]).await["ready"]["documents"], 16);
    for n in [0, 7, 19] {
        let spoons = found(&world, &format!("drawer {n} spoon")).await;
        let of_this = spoons.iter().filter(|text| text.contains(&format!("number {n}."))).count();
        assert_eq!(of_this, 1, "{spoons:?}");
    }
}

#[tokio::test]
async fn a_source_that_is_given_up_says_so_and_its_old_version_answers() {
    let mut world = World::new().await;
    let id = upload(&world, "hours.md", "The workshop opens at eight.").await;
    ready(&world, &id).await;

    world.kill().await;
    // It has failed four times, and the disk has lost the file.
    let files = std::fs::read_dir(world.data().join("files/accounts/local/sources").join(&id)).expect("a folder");
    let originals =
        files.map(|file| file.expect("an entry").path()).filter(|path| path.to_string_lossy().contains("/original-"));
    let originals: Vec<_> = originals.collect();
    assert_eq!(originals.len(), 1, "{originals:?}");
    std::fs::remove_file(&originals[0]).expect("it is there");
    let job =
        Job::Read { account: AccountId::local(), source: SourceId(id.clone()), asked_at: Timestamp::now(), part: 0 };
    let (table, now) = (world.table().await, Timestamp::now());
    let stored = StoredJob {
        id: job.id(),
        group: job.group(),
        body: job.to_message(),
        accepted: 1,
        attempts: 5,
        deaths: 0,
        not_before: now,
    };
    // What the kill left of the first reading would run after it.
    let left: Vec<String> = table.pending_jobs().await.expect("it reads").into_iter().map(|job| job.id).collect();
    table.write_jobs(&[stored], &left).await.expect("the table takes a job");
    drop(table);
    world.restart().await;

    let gave_up = eventually(SOON, async || {
        let source = source(&world, &id).await;
        (source["status"]["state"] == "failed").then_some(source)
    })
    .await;
    assert_snapshot!(gave_up["status"]["reason"].as_str().unwrap_or_default(), @"Guildhall tried to read it several times and had a problem of its own each time; its log says which. Index it again once that is solved.");
    finds(&found(&world, "when does the workshop open").await, "eight");
}

#[tokio::test]
async fn without_the_embedding_server_words_find_it_until_it_is_read_again() {
    let world = World::start(Start { with_embeddings: true, ..Start::default() }).await;
    world.model.next_embedding(Fault::Status(401, None));
    let id = upload(&world, "hours.md", "The workshop opens at eight.").await;
    let read = ready(&world, &id).await;
    assert_snapshot!(read["ready"]["skipped"][0].as_str().unwrap_or_default(), @"The embedding server did not answer, so it is found by its words alone. Index it again once the server is there");
    finds(&found(&world, "when does the workshop open").await, "eight");
    let embedded = || world.model.embedded().iter().filter(|text| text.contains("opens at eight")).count();
    let before = embedded();

    refresh(&world, &id).await;
    let read = eventually(SOON, async || {
        let source = source(&world, &id).await;
        (source["ready"]["skipped"] == json!([]) && source["status"]["state"] == "ready").then_some(source)
    })
    .await;
    assert_eq!(read["ready"]["passages"], 1);
    assert_eq!(embedded(), before + 1);
    // Once embedded, it is not embedded again.
    refresh(&world, &id).await;
    ready(&world, &id).await;
    assert_eq!(embedded(), before + 1);
}

#[tokio::test]
async fn what_was_embedded_is_not_paid_for_twice() {
    let mut world = World::start(Start { with_embeddings: true, ..Start::default() }).await;
    let sections: Vec<String> =
        (0..100).map(|n| format!("## Drawer {n}\n\nDrawer {n} holds spoon number {n} and nothing else.\n")).collect();
    // A request takes 64 passages: the first goes well, the second does not.
    world.model.next_embedding(Fault::Slow(Duration::ZERO));
    world.model.next_embedding(Fault::Status(401, None));
    let id = upload(&world, "drawers.md", sections.join("\n")).await;
    let read = ready(&world, &id).await;
    assert_eq!((&read["ready"]["passages"], read["ready"]["skipped"].as_array().map(Vec::len)), (&json!(100), Some(1)));
    let embedded = |world: &World| world.model.embedded().iter().filter(|text| text.contains("holds spoon")).count();
    assert_eq!(embedded(&world), 100);

    refresh(&world, &id).await;
    let read = ready(&world, &id).await;
    assert_eq!(read["ready"]["skipped"], json!([]));
    assert_eq!(embedded(&world), 136, "the rest and no more");

    // An index that is built from scratch has the vectors too.
    world.kill().await;
    for index in std::fs::read_dir(world.data().join("files/accounts/local/index")).expect("a folder") {
        std::fs::write(index.expect("an entry").path(), "damaged").expect("a writable folder");
    }
    world.restart().await;
    eventually(SOON, async || {
        let (status, found) = world.api(Method::GET, "/knowledge/search?q=what+does+drawer+77+hold", None).await;
        (status == 200 && found.to_string().contains("spoon number 77")).then_some(())
    })
    .await;
    refresh(&world, &id).await;
    ready(&world, &id).await;
    assert_eq!(embedded(&world), 136);
}

#[tokio::test]
async fn a_folder_is_added_from_the_command_line_beside_a_running_server() {
    let (world, folder) = (World::new().await, data_folder());
    for n in 0..200 {
        let text = format!("# Drawer {n}\n\nDrawer {n} holds spoon number {n} and nothing else.\n");
        std::fs::write(folder.path().join(format!("{n:03}.md")), text).expect("a writable folder");
    }
    std::fs::write(folder.path().join("picture.png"), b"\x89PNG").expect("a writable folder");
    let began = std::time::Instant::now();
    let added = guildhall(world.data(), &["knowledge", "add", folder.path().to_str().expect("ASCII")]).await;
    eprintln!("200 files took {:?}", began.elapsed());
    let (out, err) = (printed(&added.stdout), printed(&added.stderr));
    assert!(added.status.success(), "{out}\n{err}");
    assert_eq!(out.lines().filter(|line| line.starts_with("ready   ")).count(), 200, "{out}");
    assert_eq!(err, "skipped picture.png: not a format that can be read\n");
    assert!(!out.contains('\u{1b}'), "no terminal, no colours and no bar");

    let listed = printed(&guildhall(world.data(), &["knowledge", "list"]).await.stdout);
    assert_eq!(listed.lines().filter(|line| line.contains("ready") && line.contains(".md")).count(), 200, "{listed}");
    let search = guildhall(world.data(), &["knowledge", "search", "what is in drawer 117", "--limit", "1"]).await;
    assert!(printed(&search.stdout).contains("holds spoon number 117"), "{search:?}");

    let id =
        listed.lines().find(|line| line.contains("117.md")).and_then(|line| line.split(' ').next()).expect("an id");
    let removed = guildhall(world.data(), &["knowledge", "remove", id, "src-unknown"]).await;
    assert_eq!(printed(&removed.stdout), format!("{id} is removed.\n"));
    assert!(printed(&removed.stderr).starts_with("src-unknown: "), "{removed:?}");
    assert_eq!(removed.status.code(), Some(1));
    let texts = found(&world, "spoon number 117").await;
    assert!(!texts.iter().any(|text| text.contains("number 117")), "from then on no answer uses it: {texts:?}");
}

#[tokio::test]
async fn the_command_line_works_without_a_server_too() {
    let (data, folder) = (data_folder(), data_folder());
    let file = folder.path().join("hours.md");
    std::fs::write(&file, "The observatory opens at midnight.").expect("a writable folder");
    let added = guildhall(data.path(), &["knowledge", "add", file.to_str().expect("ASCII")]).await;
    assert_eq!(printed(&added.stdout), "ready   hours.md: 1 document, 1 passage\n", "{added:?}");
    assert!(added.status.success());

    let missing = folder.path().join("nowhere.md");
    let refused = guildhall(data.path(), &["knowledge", "add", missing.to_str().expect("ASCII")]).await;
    assert_eq!(refused.status.code(), Some(1));
    let said = printed(&refused.stderr);
    assert!(said.contains("nowhere.md: there is no such file or folder"), "{said}");
    assert!(said.contains("1 source could not be added"), "{said}");

    let search = guildhall(data.path(), &["knowledge", "search", "when does the observatory open"]).await;
    assert!(printed(&search.stdout).contains("opens at midnight"), "{search:?}");
    let listed = printed(&guildhall(data.path(), &["knowledge", "list"]).await.stdout);
    let line = listed.lines().find(|line| line.contains("hours.md")).expect("it is listed");
    let removed = guildhall(data.path(), &["knowledge", "remove", line.split(' ').next().expect("an id")]).await;
    assert!(removed.status.success(), "{removed:?}");
    let listed = printed(&guildhall(data.path(), &["knowledge", "list"]).await.stdout);
    assert!(!listed.contains("hours.md"), "{listed}");
}
