import { expect, it } from "vitest";
import { portsOf } from "./ports";

it("only ports a browser can speak to are offered", () => {
  const ports = ["8888/tcp", "7860", "22/tcp", "6000/udp", "99999", "http"];
  expect(portsOf({ ports })).toEqual([
    { port: 8_888, jupyter: true },
    { port: 7_860, jupyter: false },
  ]);
  expect(portsOf(undefined)).toEqual([]);
});
