import { access, constants, readdir } from "node:fs/promises";
import { join } from "node:path";
import { AppError, readIfThere, run } from "@sinter/kit";

/** Folders that hold one folder per major version, as Debian and Red Hat lay them out. */
const VERSIONED_ROOTS = [
  { root: "/usr/lib/postgresql", version: /^(\d+)$/ },
  { root: "/usr", version: /^pgsql-(\d+)$/ },
];

/** Oldest major release whose SQL the product uses. */
const MAJOR_MIN = 15;

export interface PostgresPrograms {
  readonly major: number;
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * Finds the installed server programs: those that made `dataDir` if it is there (a newer major refuses to open it),
 * else the newest. Throws `unavailable` POSTGRES_MISSING.
 */
export async function findPostgresPrograms(dataDir: string): Promise<PostgresPrograms> {
  const made = (await readIfThere(join(dataDir, "PG_VERSION")))?.trim();
  const found = await installed();
  const fitting = found.filter(({ major }) =>
    made === undefined ? major >= MAJOR_MIN : major === Number(made),
  );
  const best = fitting.toSorted((a, b) => b.major - a.major)[0];
  if (best !== undefined) return best;
  const wanted =
    made === undefined ? `PostgreSQL ${MAJOR_MIN} or newer` : `PostgreSQL ${made}, which made ${dataDir},`;
  throw new AppError("unavailable", "POSTGRES_MISSING", `${wanted} is not installed on this machine.`, {
    params: { installed: found.map(({ major }) => major) },
  });
}

async function installed(): Promise<PostgresPrograms[]> {
  const found: PostgresPrograms[] = [];
  for (const { root, version } of VERSIONED_ROOTS) {
    for (const name of await readdir(root).catch(() => [])) {
      const major = Number(version.exec(name)?.[1]);
      const programs = programsIn(join(root, name, "bin"), major);
      if (Number.isInteger(major) && (await isProgram(programs.postgres))) found.push(programs);
    }
  }
  if (found.length > 0) return found;
  for (const folder of (process.env["PATH"] ?? "").split(":").filter((entry) => entry.startsWith("/"))) {
    const postgres = join(folder, "postgres");
    if (!(await isProgram(postgres))) continue;
    const { stdout } = await run(postgres, ["--version"]);
    found.push(programsIn(folder, Number(/(\d+)/.exec(stdout)?.[1])));
  }
  return found;
}

const programsIn = (folder: string, major: number): PostgresPrograms => ({
  major,
  initdb: join(folder, "initdb"),
  postgres: join(folder, "postgres"),
});

const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
