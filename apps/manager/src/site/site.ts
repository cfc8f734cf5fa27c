/** The one site that this manager is. */
export interface Site {
  /** Eight upper-case hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly createdAt: Date;
}
