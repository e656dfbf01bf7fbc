/* Every format that people have plays: with a picture that moves, with its sound, and from another place. */
import type { Page } from "@playwright/test";

import { CLIP_SECS, FORMAT_CLIPS, SECOND_TONE_HZ, TONE_HZ } from "./format-clips.mjs";
import { expect, fileIndexOf, addTorrent, pictureVariance, playsPast, test, videoTime } from "./harness";

/** The loudest frequency of what the page plays now. */
function toneHz(player: Page): Promise<number> {
  return player.locator("video").evaluate(async (video: HTMLVideoElement) => {
    interface Tapped extends HTMLVideoElement {
      captureStream(): MediaStream;
      analyser?: AnalyserNode;
    }
    const tapped = video as Tapped;
    if (!tapped.analyser) {
      const context = new AudioContext();
      tapped.analyser = new AnalyserNode(context, { fftSize: 16_384, smoothingTimeConstant: 0 });
      const sound = new MediaStream(tapped.captureStream().getAudioTracks());
      context.createMediaStreamSource(sound).connect(tapped.analyser);
    }
    const levels = new Float32Array(tapped.analyser.frequencyBinCount);
    tapped.analyser.getFloatFrequencyData(levels);
    const loudest = levels.reduce(
      (best, level, bin) => (level > (levels[best] ?? -Infinity) ? bin : best),
      0,
    );
    if ((levels[loudest] ?? -Infinity) < -60) return 0;
    return (loudest * tapped.analyser.context.sampleRate) / tapped.analyser.fftSize;
  });
}

const hears = (player: Page, hz: number) =>
  expect
    .poll(async () => Math.abs((await toneHz(player)) - hz) < 8, {
      message: `a tone of ${hz} Hz`,
      timeout: 15_000,
    })
    .toBe(true);

for (const clip of FORMAT_CLIPS) {
  test(`plays and seeks: ${clip.name}`, async ({ page, server, formats, sounds }) => {
    const torrent = clip.isSoundOnly ? sounds : formats;
    await addTorrent(server, torrent);
    const index = await fileIndexOf(server, torrent, clip.name);
    await page.goto(`${server.url}/player.html#${torrent.infoHash}/${index}`);
    await playsPast(page, 0.7);
    await hears(page, TONE_HZ);
    if (!clip.isSoundOnly) {
      expect(await page.locator("video").evaluate((video: HTMLVideoElement) => video.videoWidth)).toBe(320);
      await expect.poll(() => pictureVariance(page)).toBeGreaterThan(100);
    }
    if (clip.audioTracks === 2) {
      await page.keyboard.press("b");
      await hears(page, SECOND_TONE_HZ);
    }

    // To three quarters, and on from there.
    await page.keyboard.press("Control+g");
    await page.getByRole("textbox").fill("0:09");
    await page.keyboard.press("Enter");
    await playsPast(page, CLIP_SECS * 0.75 + 0.3);
    expect(await videoTime(page)).toBeLessThan(CLIP_SECS + 0.5);
    if (!clip.isSoundOnly) await expect.poll(() => pictureVariance(page)).toBeGreaterThan(100);
  });
}
