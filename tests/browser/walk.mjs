// What every walk shares: a browser of some size, a watch on what goes wrong in it, and a close look at each page.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A laptop and a small phone. */
export const SIZES = {
  desktop: { viewport: { width: 1280, height: 900 }, deviceScaleFactor: 1 },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

/**
 * Layout that moves while a page loads is seen by people: the web vitals allow 0.1. A busy machine may
 * paint a page before its last lines have come: one or two thousandths were seen, by one page in one walk of three.
 */
const MOST_LAYOUT_SHIFT = 0.01;

/** What was found wrong so far: a walk goes on to its end, so that everything is told at once. */
const wrong = [];

/** Starts Chromium; what was started is ended by `close`. */
export async function browser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: [
      "--no-sandbox", // a container's root has no sandbox, and the pages are our own
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** One person at one screen. */
export class Visitor {
  constructor(page, size) {
    this.page = page;
    this.size = size;
    this.trouble = [];
    this.expected = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.trouble.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.trouble.push(`script: ${error.message}`));
    page.on("requestfailed", (request) => {
      // A page that is left while a part of it still loads stops that part.
      const reason = request.failure()?.errorText;
      if (reason !== "net::ERR_ABORTED") this.trouble.push(`request: ${request.url()} ${reason}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 500) this.trouble.push(`response: ${response.url()} ${response.status()}`);
    });
  }

  static async at(launched, size, options = {}) {
    const context = await launched.newContext({ ...SIZES[size], locale: "en-GB", ...options });
    context.setDefaultTimeout(15_000);
    return new Visitor(await context.newPage(), size);
  }

  /**
   * Looks closely at the page that is shown: no trouble so far, nothing that axe finds, nothing that sticks out to the
   * side, nothing that moved while it loaded, unless it grows by what people do there. A picture is kept.
   */
  async looks(name, { picture = true, grows = false } = {}) {
    const { page } = this;
    const where = `${new URL(page.url()).pathname} (${name}, ${this.size})`;
    await page.evaluate(axe);
    const found = await page.evaluate(() =>
      globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
    );
    const violations = found.violations.map(
      ({ id, help, nodes }) => `axe: ${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.target.join(" ")).join(" | ")}`,
    );
    const layout = await page.evaluate(
      () =>
        new Promise((done) => {
          let shift = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value;
          }).observe({ type: "layout-shift", buffered: true });
          setTimeout(
            () => done({ shift, wide: document.documentElement.scrollWidth - document.documentElement.clientWidth }),
            100,
          );
        }),
    );
    if (layout.wide > 0) violations.push(`layout: ${layout.wide} pixels stick out to the side`);
    if (!grows && layout.shift > MOST_LAYOUT_SHIFT) violations.push(`layout: it moved by ${layout.shift} while it loaded`);
    if (picture) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}-${this.size}.png`), fullPage: false });
    const known = this.expected.splice(0);
    const trouble = this.trouble.splice(0).filter((line) => !known.some((words) => line.includes(words))).concat(violations);
    if (trouble.length > 0) wrong.push(`${where}:\n  ${trouble.join("\n  ")}`);
    else console.log(`${where}: fine`);
  }

  /** Until the next look, loads may fail with this status: a browser logs each 4xx as an error. */
  expects(status) {
    this.expected.push(`status of ${status}`);
  }
}

/** Runs a walk, and fails with its words and a picture of the last page. */
export async function walk(steps) {
  const launched = await browser();
  try {
    await steps(launched);
  } catch (error) {
    for (const context of launched.contexts()) {
      for (const page of context.pages()) {
        const path = join(process.env.SCREENSHOTS, `failed-${Date.now()}.png`);
        await page.screenshot({ path }).catch(() => {});
        console.error(`at ${page.url()}, pictured in ${path}`);
      }
    }
    wrong.push(error.stack);
  } finally {
    await launched.close();
  }
  if (wrong.length > 0) {
    console.error(wrong.join("\n"));
    process.exitCode = 1;
  }
}
