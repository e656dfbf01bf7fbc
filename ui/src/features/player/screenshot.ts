/* The present picture as a file. */
import { clock } from "../../lib/i18n/format";
import type { FilmPort } from "./film-engine";

/** Hands the person the picture as PNG; rejects where there is none or the view can't give it away. */
export async function saveScreenshot(video: HTMLVideoElement, name: string, atSecs: number): Promise<string> {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext("2d");
  if (context === null || canvas.width === 0) throw new Error("there is no picture");
  context.drawImage(video, 0, 0);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) throw new Error("the picture could not be written");
  const fileName = screenshotName(name, atSecs);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = fileName;
  link.click();
  // Begun downloads hold the bytes themselves, but not before the next turn.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  return fileName;
}

/** The same of a picture that is below the page: who plays it writes it among the person's pictures. */
export function askForScreenshot(film: FilmPort, name: string, atSecs: number): Promise<string> {
  const fileName = screenshotName(name, atSecs);
  return new Promise((resolve, reject) => {
    const stop = film.onFilmEvent((event) => {
      if (event.kind !== "screenshot") return;
      stop();
      if (event.error === null) resolve(fileName);
      else reject(new Error(event.error));
    });
    film.ask({ kind: "screenshot", name: fileName });
  });
}

const MAX_NAME_CHARS = 80;

/** "River 12.40.png": what file systems of all kinds can write. */
export function screenshotName(name: string, atSecs: number): string {
  const plain = [
    ...name
      .replace(/[\p{Cc}\\/:*?"<>|]/gu, " ")
      .replace(/\s+/g, " ")
      .trim(),
  ];
  const short = plain.slice(0, MAX_NAME_CHARS).join("") || "Freshet";
  return `${short} ${clock(atSecs).replaceAll(":", ".")}.png`;
}
