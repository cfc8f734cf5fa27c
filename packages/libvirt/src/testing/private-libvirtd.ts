import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { connect, type Connection, type ConnectOptions } from "../connection.ts";
import { CapabilitiesCache, defaultCapabilitiesCache, isThere } from "./capabilities-cache.ts";

const run = promisify(execFile);

export interface PrivateLibvirtdOptions {
  /** Lines for libvirtd.conf. */
  readonly config?: readonly string[];
  /** Lines for qemu.conf, after our own. */
  readonly qemuConfig?: readonly string[];
  /** Starts libvirtd with --listen, for the TCP and TLS ports that `config` turns on. */
  readonly listen?: boolean;
  /**
   * "own": in a network namespace with nothing but loopback, so that taps and VNC ports cannot meet another's.
   * "host": in the caller's, for connections over TCP. Default "own".
   */
  readonly network?: "own" | "host";
  /**
   * Keeps what libvirt found out about QEMU between runs, in this directory; `false` keeps nothing. The
   * default is a directory of this user under the system's temporary one. libvirt itself checks that an entry
   * still fits the binaries, so an old one does no harm.
   */
  readonly capabilitiesCache?: string | false;
}

/** The programs this needs, and the Debian packages they are in. */
const PROGRAMS = {
  libvirtd: "libvirt-daemon",
  "qemu-system-x86_64": "qemu-system-x86",
  unshare: "util-linux",
  nsenter: "util-linux",
  setpriv: "util-linux",
  ip: "iproute2",
};

const START_DEADLINE_MS = 90_000;
/**
 * libvirt's directories, each replaced by one of ours; and the one where it locks the terminals of consoles by
 * process number, which means another process in another namespace.
 */
const DIRECTORIES = [
  "/run/libvirt",
  "/etc/libvirt",
  "/var/lib/libvirt",
  "/var/cache/libvirt",
  "/var/log/libvirt",
  "/var/lock",
];
/** First process of the PID namespace: nothing but a parent that reaps guests whose parent went away. */
const INIT = ["sh", "-c", "while :; do sleep 3600; done"];
/** QEMU's other x86 binary, which libvirt would ask for its capabilities as well, for some two seconds. */
const SECOND_EMULATOR = "/usr/bin/qemu-system-i386";

/**
 * Starts a libvirtd of one's own, as root: in its own mount and PID namespaces, with its own directories, so
 * that it neither sees nor disturbs another. Everything in it ends with `dispose`, and also when this process
 * is killed. Needs no KVM, systemd, D-Bus, cgroups, nor a libvirt-qemu user.
 */
export async function startPrivateLibvirtd(options: PrivateLibvirtdOptions = {}): Promise<PrivateLibvirtd> {
  await requirePrograms();
  const directory = await mkdtemp(join(tmpdir(), "libvirtd-"));
  const libvirtd = new PrivateLibvirtd(directory, options);
  try {
    await libvirtd.begin();
    return libvirtd;
  } catch (error) {
    await libvirtd[Symbol.asyncDispose]();
    throw error;
  }
}

export class PrivateLibvirtd implements AsyncDisposable {
  /** Everything of this daemon is in here. */
  readonly directory: string;
  /** Reachable from outside the namespaces as well. */
  readonly socketPath: string;
  readonly #options: PrivateLibvirtdOptions;
  #namespace: ChildProcess | undefined;
  /** First process of the PID namespace, numbered as seen from here. */
  #initPid = 0;
  #daemon: ChildProcess | undefined;

  constructor(directory: string, options: PrivateLibvirtdOptions) {
    this.directory = directory;
    this.socketPath = join(directory, "run/libvirt/libvirt-sock");
    this.#options = options;
  }

  /** For virsh: `virsh -c <uri>`. */
  get uri(): string {
    return `qemu+unix:///system?socket=${this.socketPath}`;
  }

  /** A new connection, by default to the QEMU driver. */
  connect(options: Omit<ConnectOptions, "uri" | "endpoint"> = {}): Promise<Connection> {
    return connect({ endpoint: { socketPath: this.socketPath }, ...options });
  }

  /** Runs a program inside the namespaces. */
  async run(program: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
    return await run("nsenter", this.#inside([program, ...args]));
  }

  /** Stops the daemon in order; guests stay. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const daemon = this.#daemon;
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const exited = once(daemon, "exit");
    process.kill(await this.daemonPid(), signal);
    daemon.kill("SIGCONT"); // see thaw
    await exited;
  }

  /** Starts it again, and waits until it answers. */
  async start(): Promise<void> {
    // By default its lock is /run/libvirtd.pid, which is not in a directory of ours.
    const args = ["--pid-file", "/run/libvirt/libvirtd.pid", ...(this.#options.listen ? ["--listen"] : [])];
    const daemon = spawn("nsenter", this.#inside(["libvirtd", ...args]), {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let complaints = "";
    daemon.stderr?.on("data", (chunk: Buffer) => {
      complaints += chunk.toString();
    });
    this.#daemon = daemon;
    const deadline = performance.now() + START_DEADLINE_MS;
    for (;;) {
      try {
        const connection = await this.connect({ connectTimeoutMs: START_DEADLINE_MS });
        await connection.close();
        return;
      } catch (cause) {
        if (daemon.exitCode !== null || performance.now() > deadline) {
          throw new Error(`The private libvirtd did not start: ${complaints || String(cause)}`, { cause });
        }
        await delay(20);
      }
    }
  }

  /** Stops the daemon's clock, so to say: it answers nothing, but its sockets stay. */
  async freeze(): Promise<void> {
    process.kill(await this.daemonPid(), "SIGSTOP");
  }

  /** nsenter stops itself along with its child, and wakes the child when it is woken. */
  async thaw(): Promise<void> {
    process.kill(await this.daemonPid(), "SIGCONT");
    this.#daemon?.kill("SIGCONT");
  }

  /** Of libvirtd, as seen from outside. */
  async daemonPid(): Promise<number> {
    const pid = this.#daemon?.pid;
    if (pid === undefined) throw new Error("The private libvirtd does not run.");
    return await onlyChild(pid); // nsenter itself stays outside of the PID namespace
  }

  /** For {@link startPrivateLibvirtd}. */
  async begin(): Promise<void> {
    await this.#enterNamespaces();
    await this.#layOut();
    await this.#capabilities()?.seed();
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const namespace = this.#namespace;
    if (namespace && namespace.exitCode === null && namespace.signalCode === null) {
      const exited = once(namespace, "exit");
      // The kernel ends everything in a PID namespace together with its first process.
      namespace.kill("SIGKILL");
      await exited;
    }
    const daemon = this.#daemon;
    if (daemon && daemon.exitCode === null && daemon.signalCode === null) {
      const exited = once(daemon, "exit");
      daemon.kill("SIGCONT"); // it may have been frozen
      await exited;
    }
    await this.#capabilities()?.keep();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  async #enterNamespaces(): Promise<void> {
    const namespaces = [
      "--mount",
      "--propagation",
      "private",
      "--pid",
      "--fork",
      "--kill-child=KILL",
      "--mount-proc",
    ];
    if (this.#ownNetwork) namespaces.push("--net");
    this.#namespace = spawn("setpriv", ["--pdeathsig=KILL", "unshare", ...namespaces, ...INIT], {
      stdio: "ignore",
    });
    const pid = this.#namespace.pid;
    if (pid === undefined) throw new Error("unshare cannot be started.");
    const deadline = performance.now() + 5000;
    // It is ready when it became the shell: by then all mounts of unshare are made.
    for (;;) {
      this.#initPid = await onlyChild(pid).catch(() => 0);
      if (this.#initPid && (await commandOf(this.#initPid)) === INIT[0]) break;
      if (performance.now() > deadline) throw new Error("The namespaces were not made; this needs root.");
      await delay(5);
    }
    if (this.#ownNetwork) await this.run("ip", ["link", "set", "lo", "up"]);
  }

  async #layOut(): Promise<void> {
    const own = (path: string) => join(this.directory, path);
    for (const path of DIRECTORIES) {
      await mkdir(own(path), { recursive: true });
      await mkdir(path, { recursive: true });
      await this.#bind(own(path), await realpath(path));
    }
    await this.#hideKvm();
    await this.#bindUsers();
    await writeFile(own("etc/libvirt/libvirtd.conf"), lines(this.#options.config ?? []));
    await writeFile(
      own("etc/libvirt/qemu.conf"),
      lines([
        'user = "root"',
        'group = "root"',
        'security_driver = "none"',
        "remember_owner = 0",
        'stdio_handler = "file"', // no virtlogd
        "namespaces = []",
        "cgroup_controllers = []",
        ...(this.#options.qemuConfig ?? []),
      ]),
    );
  }

  /**
   * libvirt counts KVM as usable when its QEMU user may open /dev/kvm. Where QEMU then finds that it is not,
   * or the reverse, cached capabilities never match, and every call that needs them probes QEMU again for
   * seconds. A read-only file in its place makes both agree: root, too, is refused writing by a read-only mount.
   * The same trick without the execute permission takes a program away.
   */
  async #hideKvm(): Promise<void> {
    const empty = join(this.directory, "empty");
    await writeFile(empty, "", { mode: 0o644 });
    for (const path of ["/dev/kvm", SECOND_EMULATOR]) {
      if (!(await isThere(path))) continue;
      await this.#bind(empty, path);
      await this.run("mount", ["-o", "remount,bind,ro", path]);
    }
  }

  /** Debian's libvirt refuses to start without its user, even when qemu.conf names another. */
  async #bindUsers(): Promise<void> {
    for (const [path, line] of [
      ["/etc/passwd", "libvirt-qemu:x:64055:64055::/:/usr/sbin/nologin"],
      ["/etc/group", "libvirt-qemu:x:64055:"],
    ] as const) {
      const text = await readFile(path, "utf8");
      if (/^libvirt-qemu:/m.test(text)) continue;
      const own = join(this.directory, path.slice(1).replace("/", "-"));
      await writeFile(own, `${text.trimEnd()}\n${line}\n`);
      await this.#bind(own, path);
    }
  }

  async #bind(source: string, target: string): Promise<void> {
    await this.run("mount", ["--bind", source, target]);
  }

  #inside(command: readonly string[]): string[] {
    const namespaces = ["--mount", "--pid", ...(this.#ownNetwork ? ["--net"] : [])];
    return ["-t", String(this.#initPid), ...namespaces, "--", ...command];
  }

  get #ownNetwork(): boolean {
    return this.#options.network !== "host";
  }

  #capabilities(): CapabilitiesCache | undefined {
    const kept = this.#options.capabilitiesCache ?? defaultCapabilitiesCache();
    if (kept === false) return undefined;
    return new CapabilitiesCache(join(this.directory, "var/cache/libvirt/qemu/capabilities"), kept);
  }
}

async function requirePrograms(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("A private libvirtd needs root, for its namespaces.");
  const path = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];
  for (const [program, debianPackage] of Object.entries(PROGRAMS)) {
    const found = await Promise.all(
      path.map((directory) => isThere(join(directory, program), constants.X_OK)),
    );
    if (!found.includes(true)) throw new Error(`${program} is missing; on Debian it is in ${debianPackage}.`);
  }
}

async function onlyChild(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  const child = Number.parseInt(children, 10);
  if (!child) throw new Error(`Process ${pid} has no child.`);
  return child;
}

async function commandOf(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
}

function lines(of: readonly string[]): string {
  return of.map((line) => `${line}\n`).join("");
}
