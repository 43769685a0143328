// What the launch form holds: a recipe with this launch's own wishes in it.

import type { LaunchRequest, OfferFilter, Recipe } from "../../bindings";

export type Draft = Recipe & { filter: OfferFilter };

export function draftOf(recipe: Recipe): Draft {
  return { ...recipe, filter: recipe.filter ?? {} };
}

export function withFilter(draft: Draft, filter: Partial<OfferFilter>): Draft {
  return { ...draft, filter: { ...draft.filter, ...filter } };
}

export function requestOf(draft: Draft): LaunchRequest {
  return { recipe: draft, only_offers: [] };
}

/** GPUs people rent most, as clouds spell them. */
export const GPUS = [
  "RTX 3090",
  "RTX 4090",
  "RTX 5090",
  "RTX A5000",
  "RTX A6000",
  "RTX 6000Ada",
  "L4",
  "L40S",
  "A40",
  "A100 PCIE",
  "A100 SXM4",
  "H100 PCIE",
  "H100 SXM",
  "H100 NVL",
  "H200",
] as const;

export const GPU_COUNTS = [1, 2, 4, 8] as const;
