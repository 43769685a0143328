import { expect, test } from "vitest";
import { lasting } from "./first-frame";

test("what is kept of the side bar holds no figure, no run and no place", () => {
  const side = document.createElement("nav");
  side.innerHTML = `<div class="brand">Dumont Cloud</div>
    <a href="/launch" aria-current="page">Launch</a><a href="/run/q7m2">Racing</a>
    <a href="/machines">Machines<span class="count">3</span></a><div class="foot">$0.30</div>`;
  const kept = lasting(side);
  expect(kept).toContain("Dumont Cloud");
  expect(kept).toContain('<a href="/launch">Launch</a>');
  for (const passing of ["aria-current", "Racing", "3", "$0.30"]) {
    expect(kept).not.toContain(passing);
  }
  expect(side.querySelector(".count")).not.toBeNull();
});
