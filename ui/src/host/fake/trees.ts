// The made-up workspace as a tree of files.

import type { TreeCount, TreeEntry } from "../../bindings";
import { FAKE_START } from "./scenarios";

const HOUR = 3_600_000;
const MB = 1e6;

/** `path bytes hoursAgo`; a folder is what others lie in. */
const FILES: [string, number, number][] = [
  ["/workspace/app/inference.py", 0.031 * MB, 0.4],
  ["/workspace/app/server.py", 0.018 * MB, 0.4],
  ["/workspace/app/configs/realtime.yaml", 0.002 * MB, 51],
  ["/workspace/app/configs/train.yaml", 0.003 * MB, 51],
  ["/workspace/checkpoints/sd-vae/diffusion_pytorch_model.bin", 335 * MB, 700],
  ["/workspace/checkpoints/whisper/tiny.pt", 76 * MB, 700],
  ["/workspace/checkpoints/dwpose/dw-ll_ucoco_384.pth", 407 * MB, 700],
  ["/workspace/checkpoints/musetalkV15/unet.pth", 3_400 * MB, 700],
  ["/workspace/checkpoints/musetalkV15/musetalk.json", 0.001 * MB, 700],
  ["/workspace/data/video/take-01.mp4", 512 * MB, 30],
  ["/workspace/data/video/take-02.mp4", 508 * MB, 30],
  ["/workspace/data/audio/take-01.wav", 49 * MB, 30],
  ["/workspace/data/audio/take-02.wav", 49 * MB, 30],
  ["/workspace/results/take-01-v15.mp4", 181 * MB, 0.5],
  ["/workspace/results/take-02-v15.mp4", 149 * MB, 0.5],
  ["/workspace/venv/bin/python3.11", 6.8 * MB, 400],
  ["/workspace/venv/lib/site-packages.tar", 1_302 * MB, 400],
  ["/workspace/README.md", 0.004 * MB, 80],
  ["/workspace/notes — São Paulo.txt", 0.001 * MB, 3],
];
const LINKS: [string, string][] = [["/workspace/latest.mp4", "results/take-02-v15.mp4"]];
/** How many files stand for each that is listed: a workspace has many. */
const CROWD: Record<string, number> = { "/workspace/venv/lib/site-packages.tar": 48_000 };

const below = (folder: string, path: string) =>
  path.startsWith(folder === "/" ? "/" : `${folder}/`);

export function treeOf(folder: string): TreeEntry[] {
  const prefix = folder === "/" ? "/" : `${folder}/`;
  const entries = new Map<string, TreeEntry>();
  const add = (path: string, bytes: number | null, hours: number, target: string | null) => {
    if (!below(folder, path)) return;
    const name = path.slice(prefix.length).split("/")[0] ?? "";
    const own = prefix + name;
    if (entries.has(own)) return;
    const leaf = own === path;
    entries.set(own, {
      name,
      path: own,
      kind: leaf ? (target === null ? "file" : "link") : "folder",
      bytes: leaf ? bytes : null,
      modified: new Date(FAKE_START - hours * HOUR).toISOString(),
      mode: leaf ? 0o644 : 0o755,
      target: leaf ? target : null,
    });
  };
  for (const [path, bytes, hours] of FILES) add(path, bytes, hours, null);
  for (const [path, target] of LINKS) add(path, null, 1, target);
  return [...entries.values()].sort(
    (a, b) =>
      Number(b.kind === "folder") - Number(a.kind === "folder") || a.name.localeCompare(b.name),
  );
}

/** Of no paths at all: of everything. */
export function countOf(paths: string[]): TreeCount {
  const folders = paths.length ? paths : ["/"];
  const count = { files: 0, bytes: 0 };
  for (const [path, bytes] of FILES) {
    if (!folders.some(folder => folder === path || below(folder, path))) continue;
    count.files += CROWD[path] ?? 1;
    count.bytes += bytes;
  }
  return count;
}
