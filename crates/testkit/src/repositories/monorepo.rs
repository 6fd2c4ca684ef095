//! A monorepo in TypeScript.

use super::Repository;

pub(super) fn made(mut it: Repository) -> Repository {
    it.file("package.json", PACKAGE);
    it.file("pnpm-lock.yaml", LOCK);
    it.file(".npmrc", NPMRC);
    it.file("apps/web/src/config.ts", WEB_CONFIG);
    it.file("apps/web/src/login.tsx", LOGIN);
    it.file("apps/web/.env.local", ENV_LOCAL);
    it.file("apps/api/src/search.ts", SEARCH);
    it.file("apps/api/src/mail.ts", MAIL);
    it.file("apps/api/config/production.json", PRODUCTION);
    it.file("apps/api/test/auth.test.ts", TEST);
    it.file("packages/ui/src/Password.tsx", PASSWORD);
    it.file("packages/i18n/en.json", ENGLISH);
    it.file(".github/workflows/release.yml", RELEASE);
    it.file(".vscode/mcp.json", MCP);
    it.file("docs/setup.md", SETUP);
    it
}

const PACKAGE: &str = r#"{
  "name": "storefront",
  "private": true,
  "packageManager": "pnpm@9.7.0+sha512.((<hex:128>))",
  "scripts": { "build": "turbo build", "login": "storefront login --token $STOREFRONT_TOKEN" }
}
"#;

const LOCK: &str = r#"lockfileVersion: '9.0'
packages:
  react@18.3.1:
    resolution: {integrity: sha512-((<b64:86>))==}
  jsonwebtoken@9.0.2:
    resolution: {integrity: sha512-((<b64:86>))==}
  password-generator@2.3.2:
    resolution: {integrity: sha512-((<b64:86>))==}
  js-tokens@4.0.0:
    resolution: {integrity: sha512-((<b64:86>))==}
"#;

const NPMRC: &str = r#"registry=https://registry.npmjs.org/
//registry.npmjs.org/:_authToken=[[npm_<b62:30><crc>]]
"#;

const WEB_CONFIG: &str = r#"export const config = {
  apiUrl: process.env.NEXT_PUBLIC_API_URL ?? "https://api.storefront.dev",
  sentryDsn: "https://public@o1.ingest.sentry.io/2",
  // Restricted to our domain, they say.
  googleMapsApiKey: "[[AIzaSy<b62:33>]]",
  tokenStorageKey: "storefront.auth.token",
  passwordMinLength: 12,
};
"#;

const LOGIN: &str = r#"import { useState } from "react";

export function Login({ onToken }: { onToken: (token: string) => void }) {
  const [password, setPassword] = useState("");
  const apiKey = process.env.API_KEY;
  return (
    <form onSubmit={async () => onToken(await login(password, apiKey))}>
      <input type="password" name="password" placeholder="Password" value={password} />
    </form>
  );
}
"#;

const ENV_LOCAL: &str = r#"NEXT_PUBLIC_API_URL=http://localhost:4000
NEXTAUTH_SECRET=[[<b62:44>]]
GITHUB_TOKEN=[[ghp_<b62:30><crc>]]
"#;

const SEARCH: &str = r#"import { Client } from "@elastic/elasticsearch";

export const client = new Client({
  node: "https://elastic:[[<b62:22>]]@search.storefront.dev:9243",
});

export const cacheKey = (query: string) => `search:${query}`;
"#;

const MAIL: &str = r#"import nodemailer from "nodemailer";

export const transport = nodemailer.createTransport({
  host: "smtp.sendgrid.net",
  auth: { user: "apikey", pass: "[[SG.<b62:22>.<b62:43>]]" },
});
"#;

const PRODUCTION: &str = r#"{
  "port": 4000,
  "jwtIssuer": "https://id.storefront.dev",
  "slackBotToken": "[[xoxb-<d:12>-<d:13>-<b62:24>]]",
  "databaseUrl": "${DATABASE_URL}",
  "passwordPolicy": "at-least-12-characters",
  "publicKeyPath": "/etc/storefront/public.pem"
}
"#;

const TEST: &str = r#"import { verify } from "../src/auth";

const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0In0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const password = "hunter2hunter2";

test("a token of a test is refused", () => {
  expect(() => verify(token, "test-secret")).toThrow();
  expect(password).toHaveLength(14);
});
"#;

const PASSWORD: &str = r#"export interface PasswordProps {
  label?: string;
  secret: boolean;
  tokenName: string;
}

export const Password = ({ label = "Password", tokenName }: PasswordProps) => (
  <label data-token={tokenName}>{label}</label>
);
"#;

const ENGLISH: &str = r#"{
  "login.password": "Your password",
  "login.password.forgotten": "Forgotten your password?",
  "login.token.expired": "Your token has expired, log in again",
  "api.key.created": "Your API key was created. Copy it now."
}
"#;

const RELEASE: &str = r#"name: release
on:
  push:
    branches: [main]
permissions:
  contents: write
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@b4ffde65f46336ab88eb53be808477a3936bae11
      - run: pnpm publish -r
        env:
          NODE_AUTH_TOKEN: ${{ secrets.NPM_TOKEN }}
      - run: curl -d 'released' [[https://discord.com/api/webhooks/<d:19>/<b62:68>]]
"#;

const MCP: &str = r#"{
  "servers": {
    "github": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-github"],
      "env": {
        "GITHUB_PERSONAL_ACCESS_TOKEN": "[[github_pat_11<b62:20>_<b62:59>]]"
      }
    }
  }
}
"#;

const SETUP: &str = r#"# Setting up

1. `export NPM_TOKEN=npm_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`
2. Put `NEXTAUTH_SECRET=your-secret-here` into `.env.local`.
3. `Authorization: Bearer YOUR_API_TOKEN`
"#;
