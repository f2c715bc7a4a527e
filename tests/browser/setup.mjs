// From nothing to a server that answers: `node setup.mjs ADDRESS SERVER`, where ADDRESS is Guildhall's and SERVER the id of
// the Discord server that is chosen when the bot is added.

import assert from "node:assert/strict";
import process from "node:process";
import { SIZES, Visitor, walk } from "./walk.mjs";

const [address, server] = process.argv.slice(2);

/** What the first page may weigh with all that it needs, as it comes over the wire. */
const MOST_FIRST_BYTES = 100_000;

const MANUAL = `# Zephyr manual

## Warranty

The warranty lasts 31 months from the day of purchase, and 12 months for the battery. Keep the receipt: it is all you need.

## Cleaning

Wipe the housing with a damp cloth. Never put the Zephyr into a dishwasher.
`;
const RETURNS = "# Returns\n\nUnused devices can be sent back within 30 days. We pay for the parcel.\n";
const HOURS = "<h1>Opening hours</h1><p>The workshop in Lyon is open from 9 to 18 h, on Saturdays until noon.</p>";

await walk(async (launched) => {
  const visitor = await Visitor.at(launched, "desktop");
  const { page } = visitor;
  const open = (path) => page.goto(address + path);
  const press = (name) => page.getByRole("button", { name, exact: true }).click();
  const told = (words) => page.locator("#notices", { hasText: words }).waitFor();

  // They think better of it at first, then let Discord say who they are.
  await open("/");
  await press("Cancel");
  visitor.expects(403);
  assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), "Signing in");
  await visitor.looks("sign-in");
  await page.getByRole("link", { name: "Sign in" }).click();
  await press("Authorise");
  await page.getByRole("heading", { name: "Get started" }).waitFor();
  await visitor.looks("first-steps");

  // The first step that is left leads on.
  await page.getByRole("link", { name: "Servers", exact: true }).click();
  await visitor.looks("servers-none");
  await page.locator('main a[href="/connect"]').first().click();
  await press("Authorise");
  await page.waitForURL(`${address}/servers/${server}`);
  await page.getByRole("heading", { name: "Zephyr Community" }).waitFor();

  // What is set takes effect.
  await page.getByRole("radio", { name: "All messages" }).check();
  await page.getByRole("checkbox", { name: "Smart mode" }).uncheck();
  await page.getByRole("group", { name: "Only in these channels" }).getByRole("checkbox", { name: "help" }).check();
  await press("Save");
  await told("Saved. The server follows the new settings within seconds.");
  await page.reload();
  assert(await page.getByRole("radio", { name: "All messages" }).isChecked());
  assert(!(await page.getByRole("checkbox", { name: "Smart mode" }).isChecked()));
  assert.equal((await page.locator("#notices").innerText()).trim(), "", "a notice is told once");

  // What cannot be used is said beside the field, and nothing that was typed is lost.
  const instructions = "You are Zephyr's helper. Be friendly and brief, and never promise a date of delivery.";
  await page.getByLabel("Instructions").fill(instructions);
  await page.getByLabel("Seconds between two questions of one person").fill("90000");
  await press("Save");
  visitor.expects(422);
  const cooldown = page.getByLabel("Seconds between two questions of one person");
  assert.match(await page.locator("#cooldown_seconds-error").innerText(), /At most 86,400 seconds/);
  assert.equal(await cooldown.inputValue(), "90000");
  assert.equal(await page.getByLabel("Instructions").inputValue(), instructions);
  assert(await cooldown.evaluate((field) => field === document.activeElement), "the field to be mended has the focus");
  await visitor.looks("server-refused");
  await cooldown.fill("90");
  await press("Save");
  await told("Saved.");
  await visitor.looks("server");

  // Whoever leaves without saving is asked.
  await page.getByLabel("Instructions").fill("Something else.");
  const asked = page.waitForEvent("dialog").then(async (dialog) => {
    await dialog.accept();
    return dialog.type();
  });
  await page.getByRole("link", { name: "Knowledge", exact: true }).click();
  assert.equal(await asked, "beforeunload");
  await page.waitForURL(`${address}/knowledge`);
  await visitor.looks("knowledge-none");

  // A text, which becomes ready before one's eyes.
  await page.getByRole("link", { name: "Add knowledge" }).first().click();
  await page.getByRole("link", { name: "Text", exact: true }).click();
  await page.getByLabel("Title").fill("Zephyr manual");
  await page.getByRole("textbox", { name: "Text" }).fill(MANUAL);
  await press("Add");
  await told("Taken in.");
  await becomesReady("Zephyr manual");

  // An address that is none.
  await open("/knowledge/add?kind=page");
  await page.getByLabel("Address of the page").fill("docs.example.com");
  await press("Add");
  visitor.expects(422);
  await page.getByText("This is no web address.").waitFor();
  assert.equal(await page.getByLabel("Address of the page").inputValue(), "docs.example.com");
  await visitor.looks("address-refused", { picture: false });
  await page.getByLabel("Address of the page").fill("");

  // Files, one of which is empty.
  await open("/knowledge/add");
  await page.getByRole("link", { name: "Files", exact: true }).click();
  await page.locator("#file").setInputFiles([
    { name: "returns.md", mimeType: "text/markdown", buffer: Buffer.from(RETURNS) },
    { name: "hours.html", mimeType: "text/html", buffer: Buffer.from(HOURS) },
    { name: "empty.md", mimeType: "text/markdown", buffer: Buffer.from("") },
  ]);
  await page.locator(".upload.bad", { hasText: "empty.md is empty." }).waitFor();
  await page.locator(".upload.ok").nth(1).waitFor();
  visitor.expects(422);
  await visitor.looks("files", { grows: true });
  await page.getByRole("link", { name: "See all knowledge" }).click();
  await becomesReady("returns.md");
  await becomesReady("hours.html");
  await visitor.looks("knowledge");
  await page.getByRole("link", { name: "Zephyr manual" }).click();
  await page.getByRole("link", { name: "Show the passages" }).click();
  const source = new URL(page.url());
  await page.getByText("The warranty lasts 31 months").first().waitFor();
  await visitor.looks("source");

  // Ask as members do.
  await page.getByRole("link", { name: "Playground", exact: true }).click();
  await visitor.looks("playground-empty");
  await page.getByLabel("Answer as in").selectOption(server);
  await page.getByLabel("Your question").fill("How long is the warranty?");
  await page.getByLabel("Your question").press("Enter");
  await page.locator(".answer strong", { hasText: "31 months" }).waitFor();
  await page.locator(".sources li", { hasText: "Zephyr manual" }).waitFor();
  await page.getByText("Where the time went").click();
  await visitor.looks("playground", { grows: true });

  // A token and an invitation, both shown once.
  await page.getByRole("link", { name: "API tokens" }).click();
  await page.getByLabel("Name").fill("website");
  await page.locator('form[action="/tokens"] button').click();
  assert.match(await page.locator("#secret").innerText(), /^gh_/);
  await visitor.looks("token-made");
  await open("/team");
  await page.locator('form[action="/team/invitations"] button').click();
  const invitation = await page.locator("#secret").innerText();
  await visitor.looks("invitation-made");
  await page.goto(invitation);
  await visitor.looks("join");

  // Each page, at each size and in each light, and once in another language.
  const paths = {
    overview: "/",
    servers: "/servers",
    "server-setup": `/servers/${server}`,
    health: `/servers/${server}/health`,
    "knowledge-list": "/knowledge",
    "add-files": "/knowledge/add",
    "add-site": "/knowledge/add?kind=site",
    "add-question": "/knowledge/add?kind=qa",
    "one-source": source.pathname + source.search,
    "test-retrieval": "/knowledge/test?q=How+long+is+the+warranty%3F",
    questions: "/knowledge/questions",
    "playground-new": "/playground",
    usage: "/usage",
    notifications: "/notifications",
    bot: "/bot",
    tokens: "/tokens",
    team: "/team",
    account: "/account",
    nowhere: "/nowhere",
  };
  const storageState = await page.context().storageState();
  for (const size of Object.keys(SIZES)) {
    for (const [colorScheme, locale] of [["light", "en-GB"], ["dark", "en-GB"], ["light", "fr-FR"]]) {
      const other = await Visitor.at(launched, size, { storageState, colorScheme, locale });
      for (const [name, path] of Object.entries(paths)) {
        await other.page.goto(address + path);
        if (name === "nowhere") other.expects(404);
        const mark = locale === "fr-FR" ? "-french" : colorScheme === "dark" ? "-dark" : "";
        await other.looks(`${name}${mark}`);
      }
      if (size === "phone") {
        await other.page.goto(address);
        await other.page.locator("details.menu > summary").click();
        await other.looks(`menu-${colorScheme}-${locale}`);
      }
      await other.page.context().close();
    }
  }

  await weighs(storageState);

  // They leave, and what was theirs is closed.
  await open("/");
  await press("Sign out");
  await open("/usage");
  await page.getByRole("button", { name: "Authorise" }).waitFor();

  // Whoever tries too often is told to wait. Some tries may come back while a busy machine shows the page.
  const tries = `${address}/join/nobody`;
  for (const size of Object.keys(SIZES)) {
    const stranger = await Visitor.at(launched, size);
    for (let count = 0; count < 40; count += 1) await stranger.page.request.get(tries);
    stranger.expects(404);
    stranger.expects(429);
    let status = 404;
    for (let count = 0; status === 404 && count < 40; count += 1) status = (await stranger.page.goto(tries)).status();
    assert.equal(status, 429);
    await stranger.looks("too-many");
  }

  /** A row of the list says that it is ready, without the page being loaded again. */
  async function becomesReady(title) {
    await page.evaluate(() => { globalThis.isSamePage = true; });
    await page.locator(".rows li", { hasText: title }).locator(".badge", { hasText: /^Ready$/ }).waitFor();
    assert(await page.evaluate(() => globalThis.isSamePage), "it was told without a reload");
  }

  /** What comes over the wire when somebody opens the overview for the first time. */
  async function weighs(state) {
    const { page: fresh } = await Visitor.at(launched, "desktop", { storageState: state });
    const session = await fresh.context().newCDPSession(fresh);
    const [addresses, sizes] = [new Map(), []];
    session.on("Network.responseReceived", ({ requestId, response }) => addresses.set(requestId, response.url));
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      sizes.push([encodedDataLength, new URL(addresses.get(requestId) ?? address).pathname]);
    });
    await session.send("Network.enable");
    await fresh.goto(address, { waitUntil: "networkidle" });
    const sum = sizes.reduce((sum, [size]) => sum + size, 0);
    console.log(`first load: ${sum} bytes (${sizes.map(([size, path]) => `${path} ${size}`).join(", ")})`);
    assert(sizes.length >= 4, "a page with what it refers to");
    assert(sum < MOST_FIRST_BYTES, `the first load takes ${sum} bytes`);
  }
});
