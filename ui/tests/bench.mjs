// How the window holds up: a race with fifteen lanes of which each says
// something ten times a second, and a list of 5,000 offers. Prints figures and
// judges nothing; `cargo bench-all ui` runs it on the built window with the
// fake host.

import { chromium } from "@playwright/test";
import { createServer, preview } from "vite";

const SECONDS = 8;
const LANES = 15;
const FACTS_A_SECOND = 10;
const OFFERS = 5_000;
const ROUNDS = 31;
const FRAME_MS = 16;

const say = text => process.stdout.write(`${text}\n`);
const middle = times => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
const ms = time => `${time.toFixed(1)} ms`;

/** Runs in the page: lets the bench take the place of the engine. */
function tap({ lanes, facts }) {
  let host;
  Object.defineProperty(window, "fakeHost", {
    get: () => host,
    set(made) {
      host = made;
      const watch = host.watch.bind(host);
      let seq = 0;
      let tell = () => {};
      let run = "";
      let timer = null;
      host.watch = (id, onFrame, onError) => {
        run = id;
        tell = onFrame;
        return watch(
          id,
          frame => {
            if (timer !== null) return;
            seq = frame.kind === "view" ? frame.view.seq : frame.fact.seq;
            onFrame(frame);
          },
          onError,
        );
      };
      const bodies = lane => [
        {
          fact: "machine_rented",
          lane,
          machine: `m${lane}`,
          took_ms: 900,
          usd_micros_per_hour: 412_000,
        },
        { fact: "machine_booted", lane, machine: `m${lane}`, by: "api", took_ms: 4_000 },
        { fact: "machine_slow", lane, machine: `m${lane}`, step: "boot", limit_ms: 10_000 },
        { fact: "deadman_armed", lane, machine: `m${lane}`, armed: true },
      ];
      window.storm = on => {
        clearInterval(timer);
        // Whatever the made-up race would do next does not happen.
        timer = setInterval(() => {}, 1 << 30);
        if (!on) return;
        let told = 0;
        const began = performance.now();
        timer = setInterval(() => {
          const due = ((performance.now() - began) / 1_000) * lanes * facts;
          for (; told < due; told++) {
            const lane = (told % lanes) + 1;
            const body = bodies(lane)[Math.floor(told / lanes) % 4];
            seq += 1;
            const at = new Date(host.clock.wall()).toISOString();
            tell({ kind: "fact", fact: { run, seq, at, elapsed_ms: host.clock.now(), ...body } });
          }
        }, 5);
      };
    },
  });
}

/** Frames of this many seconds: how many were due, how many came late or never. */
async function frames(browser, page, storm) {
  await page.evaluate(on => window.storm(on), storm);
  await page.waitForTimeout(500);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const work = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find(metric => metric.name === "TaskDuration").value * 1_000;
  };
  await browser.startTracing(page, { categories: ["cc", "benchmark"] });
  const before = await work();
  await page.waitForTimeout(SECONDS * 1_000);
  const busy = ((await work()) - before) / SECONDS;
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  let shown = 0;
  let dropped = 0;
  for (const event of traceEvents) {
    const reporter = event.args?.chrome_frame_reporter ?? event.args?.frame_reporter;
    if (event.name !== "PipelineReporter" || !reporter) continue;
    if (reporter.state === "STATE_PRESENTED_ALL") shown += 1;
    if (reporter.state === "STATE_PRESENTED_PARTIAL" || reporter.state === "STATE_DROPPED") {
      if (reporter.affects_smoothness === false) continue;
      dropped += 1;
    }
  }
  return { shown, dropped, busy };
}

async function race(browser, url) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 820 } });
  await page.addInitScript(tap, { lanes: LANES, facts: FACTS_A_SECOND });
  await page.goto(`${url}/?fake=all-at-once&speed=1`);
  await page.locator("[data-lane]").first().waitFor();
  await page.evaluate(() => window.fakeHost.seek(2));
  await page.waitForFunction(
    lanes => document.querySelectorAll("[data-lane]").length >= lanes,
    LANES,
  );
  for (const storm of [false, true]) {
    const { shown, dropped, busy } = await frames(browser, page, storm);
    const share = (100 * dropped) / (shown + dropped);
    const name = storm ? `${FACTS_A_SECOND} facts a lane and second` : "no facts";
    say(
      `${LANES} lanes, ${name}: ${share.toFixed(1)} % of ${shown + dropped} frames dropped` +
        `${storm ? " (target: 5 % at most)" : ""}, the page busy for ${ms(busy)} a second`,
    );
  }
  await page.close();
}

/** The pure part, in the engine that Chromium has too. */
async function arrangement() {
  const server = await createServer({
    logLevel: "warn",
    server: { middlewareMode: true, hmr: false, ws: false },
    appType: "custom",
  });
  const { arrange } = await server.ssrLoadModule("/src/features/offers/rows.ts");
  const { offerRows } = await server.ssrLoadModule("/src/host/fake/offers.ts");
  const rows = offerRows(OFFERS);
  const filter = { max_price: 2_000_000 };
  for (const column of ["price", "value", "place"]) {
    const times = Array.from({ length: ROUNDS }, () => {
      const began = performance.now();
      arrange(rows, filter, { min_value: 1 }, { column, descending: true });
      return performance.now() - began;
    });
    say(
      `${OFFERS} offers filtered and sorted by ${column}: ${ms(middle(times))}, ` +
        `worst ${ms(Math.max(...times))} (target: ${FRAME_MS} ms at most)`,
    );
  }
  await server.close();
}

/** The same as somebody sees it: from the click to the next frame. */
async function list(browser, url) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 820 } });
  await page.goto(`${url}/?at=/offers&offers=${OFFERS}`);
  const head = page.locator("th button").nth(2);
  await head.waitFor();
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    times.push(
      await head.evaluate(
        button =>
          new Promise(resolve => {
            requestAnimationFrame(() => {
              const began = performance.now();
              button.click();
              const channel = new MessageChannel();
              channel.port1.onmessage = () => resolve(performance.now() - began);
              requestAnimationFrame(() => channel.port2.postMessage(null));
            });
          }),
      ),
    );
  }
  say(`from the click on a column to the frame that shows it: ${ms(middle(times))}`);
  await page.close();
}

const server = await preview({
  mode: "fake",
  logLevel: "warn",
  build: { outDir: "test-results/site" },
  preview: { port: 0, strictPort: false, host: "127.0.0.1" },
});
const url = `http://127.0.0.1:${server.httpServer.address().port}`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
await race(browser, url);
await arrangement();
await list(browser, url);
await browser.close();
await server.close();
