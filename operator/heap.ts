// Imported before anything else by the operator's process: its heap stays near what lives in it.
//
// V8 lets a heap grow to several times what lives in it before it collects, since collecting costs processor time. The
// operator has time, and a limit of memory; what it reads of the API server is garbage a moment later. How large its young
// generation may become is fixed before the process begins: its image says it, in NODE_OPTIONS.
import { setFlagsFromString } from 'node:v8'

/** After a collection the heap may grow by half until the next. */
setFlagsFromString('--heap-growing-percent=50')
