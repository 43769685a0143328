// A recipe as a form holds it: texts a person types, read back into a recipe or
// into what is wrong with them. Pure.

import type { OfferFilter, RacePolicy, Recipe, Tool } from "../../bindings";

export interface RecipeForm {
  title: string;
  name: string;
  /** The name follows the title until somebody writes one. */
  named: boolean;
  snapshot: string;
  paths: string;
  target: string;
  critical: string;
  filter: OfferFilter;
  image: string;
  registryLogin: string | null;
  env: string;
  ports: string;
  disk: string;
  onstart: string;
  template: string;
  policy: RacePolicy;
  tool: Tool;
  onReady: string;
  hoursAlone: string;
}

export type Problem =
  | "title"
  | "name"
  | "taken"
  | "snapshot"
  | "target"
  | "image"
  | "env"
  | "ports"
  | "disk"
  | "hours";

export type Problems = Partial<Record<keyof RecipeForm, Problem>>;

/** The image vast.ai keeps ready on many hosts. */
export const DEFAULT_IMAGE = "vastai/base-image:@vastai-automatic-tag";
const LEAST_DISK_GB = 8;

export function formOf(recipe: Recipe | null): RecipeForm {
  const { snapshot = "latest", paths = [], critical = [], env = {}, ports = [] } = recipe ?? {};
  return {
    title: recipe?.title ?? "",
    name: recipe?.name ?? "",
    named: recipe !== null,
    snapshot,
    paths: paths.join("\n"),
    target: recipe?.target ?? "/",
    critical: critical.join("\n"),
    filter: recipe?.filter ?? { verified_only: true },
    image: recipe?.image ?? DEFAULT_IMAGE,
    registryLogin: recipe?.registry_login ?? null,
    env: Object.entries(env)
      .map(([key, value]) => `${key}=${value}`)
      .join("\n"),
    ports: ports.join(", "),
    disk: recipe?.disk_gb == null ? "" : `${recipe.disk_gb}`,
    onstart: recipe?.onstart ?? "",
    template: recipe?.template ?? "",
    policy: recipe?.policy ?? "strict",
    tool: recipe?.tool ?? "agent",
    onReady: recipe?.on_ready ?? "",
    hoursAlone: `${recipe?.hours_alone ?? 12}`,
  };
}

/** `MuseTalk 1.5` as it stands in tags, links and on the command line. */
export function slugOf(title: string): string {
  return title
    .normalize("NFD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 64);
}

const lines = (text: string) =>
  text
    .split("\n")
    .map(line => line.trim())
    .filter(Boolean);

const portsIn = (text: string) => text.split(/[\s,]+/).filter(Boolean);

/** What is wrong; nothing when all is well. `others` are names that are taken. */
export function problemsOf(form: RecipeForm, others: string[]): Problems {
  const problems: Problems = {};
  if (form.title.trim() === "") problems.title = "title";
  if (!/^[a-z0-9-]{1,64}$/.test(form.name)) problems.name = "name";
  else if (others.includes(form.name)) problems.name = "taken";
  if (!/^(latest|none|[0-9a-f]{4,64}(:\/.*)?)$/.test(form.snapshot.trim())) {
    problems.snapshot = "snapshot";
  }
  if (!form.target.trim().startsWith("/")) problems.target = "target";
  if (!/^\S{1,1024}$/.test(form.image.trim())) problems.image = "image";
  if (lines(form.env).some(line => !/^[A-Za-z_]\w*=/.test(line))) problems.env = "env";
  if (portsIn(form.ports).some(port => !isPort(port))) problems.ports = "ports";
  if (form.disk.trim() !== "" && !(whole(form.disk) >= LEAST_DISK_GB)) problems.disk = "disk";
  if (!(whole(form.hoursAlone) >= 0)) problems.hoursAlone = "hours";
  return problems;
}

function isPort(text: string): boolean {
  const found = /^(\d{1,5})(\/(tcp|udp))?$/.exec(text);
  const port = Number(found?.[1]);
  return port >= 1 && port <= 65_535;
}

const whole = (text: string) => (/^\d{1,6}$/.test(text.trim()) ? Number(text) : Number.NaN);

/** The recipe; only for a form without problems. */
export function recipeFrom(form: RecipeForm): Recipe {
  return {
    name: form.name,
    title: form.title.trim(),
    snapshot: form.snapshot.trim(),
    paths: lines(form.paths),
    target: form.target.trim(),
    critical: lines(form.critical),
    filter: form.filter,
    image: form.image.trim(),
    registry_login: form.registryLogin,
    env: Object.fromEntries(
      lines(form.env).map(line => {
        const at = line.indexOf("=");
        return [line.slice(0, at), line.slice(at + 1)];
      }),
    ),
    ports: portsIn(form.ports).map(port => (port.includes("/") ? port : `${port}/tcp`)),
    disk_gb: form.disk.trim() === "" ? null : whole(form.disk),
    onstart: form.onstart,
    template: form.template.trim() || null,
    policy: form.policy,
    tool: form.tool,
    on_ready: form.onReady,
    hours_alone: whole(form.hoursAlone),
  };
}
