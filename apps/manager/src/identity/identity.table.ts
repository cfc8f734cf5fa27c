import { boolean, index, integer, snakeCase, text, timestamp, uuid } from "drizzle-orm/pg-core";
import type { UserStatus, UserType } from "./user.ts";

export const users = snakeCase.table("users", {
  id: uuid().primaryKey(),
  /** Compared without regard to case. */
  name: text().notNull(),
  nameKey: text().notNull().unique("users_name_unique"),
  type: text().$type<UserType>().notNull().default("local"),
  status: text().$type<UserStatus>().notNull().default("active"),
  /** scrypt over the lower-case hexadecimal SHA-256 of the password, since that is what most clients send. */
  passwordHash: text().notNull(),
  mustChangePassword: boolean().notNull().default(false),
  passwordChangedAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
  roles: text().array().notNull(),
  email: text().notNull().default(""),
  contact: text().notNull().default(""),
  description: text().notNull().default(""),
  /** Most sessions at once; 0 = no limit. */
  sessionsMax: integer().notNull().default(0),
  failedLogins: integer().notNull().default(0),
  lockedUntil: timestamp({ withTimezone: true }),
  isBuiltIn: boolean().notNull().default(false),
  createdAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
});

/** Hashes of earlier passwords, so that they are not taken again. */
export const passwordHistory = snakeCase.table(
  "password_history",
  {
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    passwordHash: text().notNull(),
    replacedAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [index("password_history_user").on(table.userId)],
);

export const roles = snakeCase.table("roles", {
  name: text().primaryKey(),
  description: text().notNull().default(""),
  rights: text().array().notNull(),
  isBuiltIn: boolean().notNull().default(false),
  createdAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
});

/** Sessions survive a restart of the manager; only a hash of the token is kept. */
export const sessions = snakeCase.table(
  "sessions",
  {
    tokenHash: text().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    clientAddress: text().notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
    lastUsedAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
    expiresAt: timestamp({ withTimezone: true }).notNull(),
    /** Opened only to change a password that must be changed. */
    isPasswordDue: boolean().notNull().default(false),
  },
  (table) => [index("sessions_user").on(table.userId), index("sessions_expiry").on(table.expiresAt)],
);
