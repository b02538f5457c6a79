/* tison/file.h - the table through which the library touches files; a program may put its own in place. */
#ifndef TISON_FILE_H
#define TISON_FILE_H
#include <tison/base.h>
TN_BEGIN_DECLS

/** Every file access of the library is a call of one of these functions; the default ones are POSIX calls. A table of one's own
 *  serves tests that make the Nth call fail, archives, encrypted folders. Rules for every function:
 *  - `context` is the table's, `path` a NUL-terminated path as the program gave it or a name in the same folder, `file` what
 *    open_read or create returned; a function may be called by several threads at once, with different files.
 *  - On failure the result is a negative errno (-ENOENT, -ENOSPC, ...), whose text becomes part of the error (TN_ERR_IO).
 *    -EINTR is tried again (not without end), and short counts of read and write are continued. Nothing else is expected of errno.
 *  - They must not call the library, jump or throw. */
typedef struct tn_file_table {
    size_t size;   /**< sizeof(tn_file_table); functions beyond it, and those that are NULL, are the default ones */
    void *context; /**< first argument of each function */

    /** Opens an existing file for reading, without waiting (a FIFO must not block). A file number >= 0. */
    int (*open_read)(void *context, const char *path);
    /** Makes a file that must not exist yet (-EEXIST) and opens it for writing. `mode`: exactly these permission bits, or -1 for
     *  those that new files get (0666 less the umask). A file number >= 0. */
    int (*create)(void *context, const char *path, int mode);
    /** Reads at most `bytes` at `offset`, wherever the last call was. The count; 0 at the end of the file. */
    int64_t (*read)(void *context, int file, void *data, size_t bytes, int64_t offset);
    /** Appends at most `bytes`. The count, at least 1. */
    int64_t (*write)(void *context, int file, const void *data, size_t bytes);
    /** Length of a regular file in bytes; -EISDIR for a folder, -ESPIPE for a FIFO, device or socket. */
    int64_t (*file_size)(void *context, int file);
    /** Returns once what was written is on the disk. */
    int (*sync)(void *context, int file);
    /** Closes; the number is free afterwards, whatever the result. */
    int (*close)(void *context, int file);
    /** Puts `from` in the place of `to`, at once for every reader. */
    int (*rename)(void *context, const char *from, const char *to);
    int (*unlink)(void *context, const char *path);
    /** Returns once the names in the folder are on the disk. */
    int (*sync_folder)(void *context, const char *path);
    /** Permission bits (0 to 0777) of a regular file; -ENOENT, or as file_size for other kinds. Follows symbolic links. */
    int (*mode)(void *context, const char *path);
    /** Where a symbolic link points: at most `room` bytes, no NUL. The count; -EINVAL for what is not a link. */
    int64_t (*read_link)(void *context, const char *path, char *out, size_t room);
    /** Calls `each` with the name of every entry of a folder. 0. */
    int (*list)(void *context, const char *path, void (*each)(void *data, const char *name), void *data);
    /** Removes a temporary file unless a living process still writes it. */
    int (*remove_stale)(void *context, const char *path);
    /** The first `bytes` of an open file as memory, by page and at need; what is written into it stays in this memory. It outlives the
     *  closing of the file. 0 and *data; -ENOSYS where files cannot be mapped: then they are read. Missing in a table with an open_read
     *  of its own, it means that. */
    int (*map)(void *context, int file, size_t bytes, void **data);
    int (*unmap)(void *context, void *data, size_t bytes);
} tn_file_table;

/** Makes the library use a copy of `table`; NULL: the default table again. One for the process. To be called while no other thread
 *  is inside the library and no file is open through it, best before anything else. False with TN_ERR_VALUE where `size` is too
 *  small. */
TN_API bool tn_set_file_table(const tn_file_table *table);
/** The default table, for tables that pass calls on. [borrow] for ever. */
TN_API const tn_file_table *tn_default_file_table(void);

TN_END_DECLS
#endif
