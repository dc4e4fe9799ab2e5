/** A delta that does not lead to the message it promises: damaged, of another format, or against another base. */
export class DeltaError extends Error {
  name = 'DeltaError';
}

/** No message is longer; what claims to be is damaged, and must not make us allocate. */
export const LONGEST_TARGET = 16 * 1024 * 1024;
