// A repository's address in restic's own spelling, and the parts people know.

export type StorageKind = "r2" | "s3" | "local";

export interface Address {
  kind: StorageKind;
  /** Cloudflare's account, 32 hexadecimal digits. */
  account: string;
  /** Another S3 server: `https://host`. */
  server: string;
  bucket: string;
  /** Inside the bucket; may be empty. */
  prefix: string;
  /** A folder of this computer. */
  folder: string;
}

export const EMPTY: Address = {
  kind: "r2",
  account: "",
  server: "",
  bucket: "",
  prefix: "",
  folder: "",
};

const R2 = /^([^./]+)\.r2\.cloudflarestorage\.com$/i;

export function addressOf(location: string): Address {
  const text = location.trim();
  if (text === "") return EMPTY;
  if (!text.startsWith("s3:"))
    return { ...EMPTY, kind: "local", folder: text.replace(/^local:/, "") };
  const rest = text.slice("s3:".length);
  const found = /^(https?:\/\/)?([^/]+)\/*([^/]*)\/*(.*)$/.exec(rest);
  const [, scheme = "https://", host = "", bucket = "", prefix = ""] = found ?? [];
  const account = R2.exec(host)?.[1];
  return account
    ? { ...EMPTY, kind: "r2", account, bucket, prefix: trim(prefix) }
    : { ...EMPTY, kind: "s3", server: `${scheme}${host}`, bucket, prefix: trim(prefix) };
}

export function locationOf(address: Address): string {
  if (address.kind === "local") return address.folder.trim();
  const server =
    address.kind === "r2"
      ? `https://${address.account.trim()}.r2.cloudflarestorage.com`
      : address.server.trim().replace(/\/+$/, "");
  const path = [trim(address.bucket), trim(address.prefix)].filter(Boolean).join("/");
  return `s3:${server}/${path}`;
}

/** Whether everything that cannot be done without is there. */
export function isWhole(address: Address): boolean {
  switch (address.kind) {
    case "local":
      return address.folder.trim() !== "";
    case "r2":
      return /^[0-9a-z]+$/i.test(address.account.trim()) && trim(address.bucket) !== "";
    case "s3":
      return (
        /^https?:\/\/[^/\s]+$/.test(address.server.trim().replace(/\/+$/, "")) &&
        trim(address.bucket) !== ""
      );
  }
}

const trim = (text: string) => text.trim().replaceAll(/^\/+|\/+$/g, "");
