import { parseArgs } from "node:util";
import { USER_ID } from "../api/auth.ts";
import { runCommand } from "./command.ts";
import { DataFolder, defaultDataFolder } from "./data-folder.ts";
import { signToken } from "./sign-token.ts";
import { StackError } from "./stack-error.ts";

const USAGE = `Usage: npm run token -- --user NAME [--expires TIME]

Prints a bearer token for the embedded stack's API: Authorization: Bearer TOKEN.

  --user NAME      whose renders: nobody else sees them
  --expires TIME   30m, 12h, 7d, ... (12h)

It is signed with the secret of the data folder RASTERLIFT_DATA (.data), or with
JWT_SECRET where that is set, and names JWT_ISSUER and JWT_AUDIENCE where these
are.
`;

const TIMESPAN = /^[1-9]\d* ?[smhdw]$/;

await runCommand(USAGE, async () => {
  const { values } = parseArgs({ options: { user: { type: "string" }, expires: { type: "string", default: "12h" } } });
  if (!values.user) throw new StackError("--user is missing: npm run token -- --user NAME");
  if (!USER_ID.test(values.user)) throw new StackError("--user must have 1 to 255 printable characters.");
  if (!TIMESPAN.test(values.expires))
    throw new StackError(`--expires is ${values.expires}; give it like 30m, 12h or 7d.`);
  console.log(await signToken(new DataFolder(defaultDataFolder()), values.user, values.expires));
  return 0;
});
