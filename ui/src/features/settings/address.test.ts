import { describe, expect, it } from "vitest";
import { addressOf, EMPTY, isWhole, locationOf } from "./address";

describe("a repository's address", () => {
  it.each([
    "s3:https://8c1f04e77a.r2.cloudflarestorage.com/dumont-work",
    "s3:https://8c1f04e77a.r2.cloudflarestorage.com/dumont-work/team/a",
    "s3:https://s3.eu-central-1.amazonaws.com/bucket/prefix",
    "s3:http://127.0.0.1:9000/practice/workspaces",
    "/home/me/backup",
  ])("%s is read and written alike", location => {
    const address = addressOf(location);
    expect(locationOf(address)).toBe(location);
    expect(isWhole(address)).toBe(true);
  });

  it("tells R2 from other servers and from folders", () => {
    expect(addressOf("s3:https://abc.r2.cloudflarestorage.com/b")).toMatchObject({
      kind: "r2",
      account: "abc",
      bucket: "b",
    });
    expect(addressOf("s3:https://minio.example.net/b").kind).toBe("s3");
    expect(addressOf("local:/srv/restic")).toMatchObject({ kind: "local", folder: "/srv/restic" });
    expect(addressOf("")).toEqual(EMPTY);
  });

  it("is not whole without what it needs", () => {
    expect(isWhole(EMPTY)).toBe(false);
    expect(isWhole({ ...EMPTY, account: "abc" })).toBe(false);
    expect(isWhole({ ...EMPTY, kind: "s3", server: "minio", bucket: "b" })).toBe(false);
    expect(isWhole({ ...EMPTY, kind: "local" })).toBe(false);
  });
});
