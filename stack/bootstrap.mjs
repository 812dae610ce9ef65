// Runs a script of the project on a machine that may have nothing but some Node.js and npm:
//   node stack/bootstrap.mjs SCRIPT [ARGUMENT ...]
// installs the npm packages where they are missing or not those of package-lock.json, and hands over to the Node.js
// version that the project pins (the npm package `node`). Plain JavaScript, with nothing to install, for Node.js 20.

import { spawn } from "node:child_process";
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import module from "node:module";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { identify, isRunning } from "./process-identity.mjs";
import { downloadCauseOf, lastLines, showStep, tell } from "./terminal.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const modules = path.join(root, "node_modules");
const node = path.join(modules, "node", "bin", "node");
const lockFile = path.join(root, ".cache", "npm-install.lock");
const [script = "", ...args] = process.argv.slice(2);

/** Sooner than the next command could ask whether this one still runs. */
const lookEveryMs = 200;

class BootstrapError extends Error {}

try {
  if (script === "") throw new BootstrapError("Which script? node stack/bootstrap.mjs SCRIPT [ARGUMENT ...]");
  if (Number(process.versions.node.split(".")[0]) < 20) {
    throw new BootstrapError(
      `Node.js 20 or newer is needed to begin with; this is ${process.version}. See nodejs.org.`,
    );
  }
  const [unfit] = root.match(/[!?*$`"\\]/) ?? [];
  if (unfit !== undefined) {
    throw new BootstrapError(
      `The project lies in ${root}, and the ${unfit} in that path stops some of its tools: move it to another folder.`,
    );
  }
  endWithNpm();
  const installedNow = await installPackages();
  if (!installedNow && process.versions.node === readJson("package.json").devDependencies.node) await runHere();
  else await runOnPinnedNode();
} catch (error) {
  if (!(error instanceof BootstrapError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

/** npm passes signals on, but not its own death by SIGKILL, of which only the new parent of its child tells. */
function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined || process.channel) return;
  const npm = process.ppid;
  const look = setInterval(() => {
    if (process.ppid === npm) return;
    clearInterval(look);
    process.kill(process.pid, "SIGTERM");
  }, lookEveryMs);
  look.unref();
}

/** What is compiled is kept for the next time, also for the processes that the script starts. Unused where it is unwritable. */
function keepCompiled() {
  process.env.NODE_COMPILE_CACHE ??= path.join(root, ".cache", "compiled");
  module.enableCompileCache();
}

async function runHere() {
  keepCompiled();
  if (process.channel) {
    process.channel.unref();
    process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
  }
  process.argv = [process.execPath, path.resolve(root, script), ...args];
  await import(pathToFileURL(path.resolve(root, script)).href);
}

/** The channel tells the child when this process is gone, however it went; signals are passed on. */
function runOnPinnedNode() {
  const child = spawn(node, [path.join(root, "stack", "bootstrap.mjs"), script, ...args], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once("error", (error) =>
      reject(
        new BootstrapError(
          `${node} does not run on this machine (${error.message}). Remove node_modules and try again.`,
        ),
      ),
    );
    child.once("exit", (code, signal) => {
      process.exitCode = code ?? 1;
      for (const forwarded of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(forwarded);
      if (signal) process.kill(process.pid, signal);
      resolve();
    });
  });
}

/** Whether it had to install. */
async function installPackages() {
  if (isInstalled()) return false;
  await lockInstallation();
  try {
    if (!isInstalled()) await npmCi();
  } finally {
    unlockInstallation();
  }
  return true;
}

/**
 * Whether node_modules holds what package-lock.json says, by npm's own record of it, which npm writes last, and whether
 * all of that is still there.
 */
function isInstalled() {
  try {
    const { packages: wanted } = readJson("package-lock.json");
    const { packages: present } = readJson("node_modules/.package-lock.json");
    const isAsWanted = ([name, { version, integrity, optional, devOptional }]) =>
      name === "" ||
      optional ||
      devOptional ||
      (present[name]?.version === version && present[name]?.integrity === integrity);
    const isThere = (name) => existsSync(path.join(root, name, "package.json"));
    return Object.entries(wanted).every(isAsWanted) && Object.keys(present).every(isThere) && existsSync(node);
  } catch {
    return false;
  }
}

/** Lets one process at a time install; a lock whose process is gone counts for nothing. */
async function lockInstallation() {
  for (let told = false; !tryLock(); told = true) {
    const holder = lockHolder();
    if (holder === undefined) continue;
    if (!told) process.stderr.write(`Waiting: process ${holder.pid} is installing the npm packages here\n`);
    await pause(500);
  }
}

/** The lock's file names this process from its first moment on. */
function tryLock() {
  const own = `${lockFile}.${process.pid}`;
  try {
    if (!existsSync(path.dirname(lockFile))) mkdirSync(path.dirname(lockFile));
    writeFileSync(own, JSON.stringify(identify(process.pid)));
    linkSync(own, lockFile);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw new BootstrapError(cannotInstall(`${error}`));
  } finally {
    rmSync(own, { force: true });
  }
}

/** Whoever installs now; where that is nobody, the lock is gone. */
function lockHolder() {
  try {
    const lock = readFileSync(lockFile, "utf8");
    const holder = JSON.parse(lock);
    if (isRunning(holder)) return holder;
    removeLock(lock);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  return undefined;
}

/** Removes that lock, and no other that somebody has put in its place meanwhile. */
function removeLock(lock) {
  const removed = `${lockFile}.${process.pid}.removed`;
  renameSync(lockFile, removed);
  if (readFileSync(removed, "utf8") === lock) rmSync(removed);
  else renameSync(removed, lockFile);
}

function unlockInstallation() {
  rmSync(lockFile, { force: true });
}

async function npmCi() {
  const step = showStep("Installing npm packages (about 800 MB in node_modules)");
  const { code, output } = await runNpm([
    "ci",
    "--include=dev",
    "--include=optional",
    "--ignore-scripts=false",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--loglevel=error",
    "--fetch-retries=2",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
  ]);
  if (code === 0 && isInstalled()) return step.done();
  step.failed();
  throw new BootstrapError(cannotInstall(output));
}

function cannotInstall(output) {
  const cause = downloadCauseOf(output) ?? littleRoom() ?? "npm ci failed";
  return `The npm packages could not be installed: ${cause}. Then run the command again.\nnpm's last lines:\n${lastLines(output)}`;
}

/** npm's scripts do not always say so themselves. */
function littleRoom() {
  const { bavail, bsize } = statfsSync(root);
  const megabytes = Math.floor((bavail * bsize) / 1e6);
  return megabytes < 1000 ? `the disk has only ${megabytes} MB left: make room, 1 GB at least` : undefined;
}

/**
 * Runs npm in a process group of its own, which ends with this process, however that goes: then the pipe that the shell
 * has at 3 closes.
 */
function runNpm(npmArgs) {
  const own = path.join(modules, ".bin");
  const PATH = (process.env.PATH ?? "").split(path.delimiter).filter((folder) => path.resolve(folder) !== own);
  const npm = spawn("/bin/sh", ["-c", '(read -r _ <&3; kill -KILL 0) & npm "$@" 3<&-', "sh", ...npmArgs], {
    cwd: root,
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: { ...process.env, PATH: PATH.join(path.delimiter) },
  });
  const stop = (signal) => {
    unlockInstallation();
    tell(`Stopped by ${signal} while npm was installing; the next command goes on.`);
    process.exit(1);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.once(signal, stop);
  let output = "";
  for (const stream of [npm.stdout, npm.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  npm.once("exit", () => npm.stdio[3].destroy());
  return new Promise((resolve) => {
    npm.once("close", (code) => {
      for (const signal of signals) process.removeListener(signal, stop);
      if (/npm: (command )?not found/.test(output)) {
        output += "npm was not found on the PATH: install it with Node.js (nodejs.org)";
      }
      resolve({ code, output });
    });
  });
}

function readJson(file) {
  return JSON.parse(readFileSync(path.join(root, file), "utf8"));
}
