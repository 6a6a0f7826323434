// Takes the pictures of kibana/README.md in a running Kibana that has the objects and
// the demo's data. "make screens" calls it. Nothing in Kibana is changed.
//
//   KIBANA_URL        http://localhost:5601, with /s/SPACE for another space
//   KIBANA_API_KEY    or KIBANA_USERNAME and KIBANA_PASSWORD
//   CHROMIUM          the browser, /usr/bin/chromium
//   WIDTH             pixels, 1600
//   OUT               folder of the pictures, the one above this file
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const env = process.env;
const base = (env.KIBANA_URL ?? 'http://localhost:5601').replace(/\/$/, '');
const width = Number(env.WIDTH ?? 1600);
const out = env.OUT ?? fileURLToPath(new URL('..', import.meta.url));

// Each picture: where it is, how high, and what is done before it is taken.
const pictures = {
  overview: { path: '/app/dashboards#/view/api7-audit-overview', height: 1150 },
  security: { path: '/app/dashboards#/view/api7-audit-security', height: 1250 },
  'story-1': { path: '/app/discover#/view/api7-audit-add-service-by-ops', height: 900 },
  document: { path: '/app/discover#/view/api7-audit-resource-httpbin', height: 900, then: openFirstRow },
};

// Hints that Kibana shows a person once, each under its own name in the browser's store.
const onceShown = ['data.searchSession.tour.restore', 'discover:docExplorerUpdateCalloutClosed'];

function authorization() {
  if (env.KIBANA_API_KEY) return `ApiKey ${env.KIBANA_API_KEY}`;
  if (!env.KIBANA_USERNAME) throw new Error('set KIBANA_API_KEY, or KIBANA_USERNAME and KIBANA_PASSWORD');
  return 'Basic ' + Buffer.from(`${env.KIBANA_USERNAME}:${env.KIBANA_PASSWORD ?? ''}`).toString('base64');
}

async function openFirstRow(page) {
  await page.locator('[data-test-subj="docTableExpandToggleColumn"]').first().click();
  await page.locator('[data-test-subj="docTableDetailsFlyout"], [data-test-subj="unifiedDocViewerFlyout"]').first().waitFor();
  await page.waitForTimeout(3000);
}

// atRest waits until every panel, or the table, is drawn and nothing loads any more.
async function atRest(page) {
  let still = 0;
  for (let seconds = 0; seconds < 180 && still < 3; seconds++) {
    await page.waitForTimeout(1000);
    const drawn = await page.evaluate(() => {
      const list = document.querySelector('[data-shared-items-count]');
      const done = document.querySelectorAll('[data-render-complete="true"]').length;
      const rows = document.querySelectorAll('[data-test-subj="docTableExpandToggleColumn"]').length;
      const loading = document.querySelector('[data-test-subj="globalLoadingIndicator"]');
      return !loading && (list ? done >= Number(list.dataset.sharedItemsCount) : rows > 0);
    });
    still = drawn ? still + 1 : 0;
  }
  if (still < 3) throw new Error(`${page.url()} is not drawn after three minutes`);
}

async function take(name, { path, height, then }) {
  const profile = mkdtempSync(join(tmpdir(), 'auditship-screens-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    viewport: { width, height },
    extraHTTPHeaders: { Authorization: authorization() },
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
  });
  try {
    await context.addInitScript((keys) => keys.forEach((key) => localStorage.setItem(key, 'true')), onceShown);
    const page = context.pages()[0] ?? (await context.newPage());
    page.on('response', (r) => r.status() >= 400 && console.log(`  ${r.status()} ${r.request().method()} ${r.url()}`));
    await page.goto(base + path, { waitUntil: 'domcontentloaded' });
    await atRest(page);
    if (then) await then(page);
    await page.screenshot({ path: join(out, `${name}.png`) });
    console.log(`${name}.png`);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

const wanted = process.argv.slice(2);
for (const [name, picture] of Object.entries(pictures)) {
  if (wanted.length === 0 || wanted.includes(name)) await take(name, picture);
}
