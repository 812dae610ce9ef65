import { messageOf } from "../service/errors.ts";
import { readSettings } from "../service/settings.ts";
import { s3Settings } from "../storage/client.ts";
import { Storage } from "../storage/storage.ts";

try {
  const storage = new Storage(readSettings(s3Settings));
  await storage.ensureBucket();
  storage.close();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
}
