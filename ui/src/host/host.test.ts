import { describe, expect, it } from "vitest";
import { call, HostError, hostError } from "./index";

const rejected = (result: Promise<unknown>): Promise<HostError> =>
  result.then(
    () => Promise.reject(new Error("it was no error")),
    cause => cause,
  );

describe("a command's result", () => {
  it("is its data", async () => {
    await expect(call(Promise.resolve({ status: "ok", data: 7 }))).resolves.toBe(7);
  });

  it("is an error with the engine's code", async () => {
    const error = { code: "no-offers", remedy: "loosen-filters", details: "price", trace: "t1" };
    const caught = await rejected(call(Promise.resolve({ status: "error", error })));
    expect(caught).toBeInstanceOf(HostError);
    expect(caught.app).toEqual(error);
  });

  it.each([
    ["a plain string of the framework", "command run_launch not found"],
    ["an exception", new Error("command run_launch not found")],
  ])("is an error of ours for %s", async (_, cause) => {
    const caught = await rejected(call(Promise.reject(cause)));
    expect(caught.app).toEqual({
      code: "internal",
      remedy: "report-problem",
      details: "command run_launch not found",
      trace: "",
    });
  });

  it("is an error of ours for a string in the error's place", async () => {
    const caught = await rejected(call(Promise.resolve({ status: "error", error: "no" })));
    expect(caught.app.code).toBe("internal");
    expect(hostError(caught)).toBe(caught);
  });
});
