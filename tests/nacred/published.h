/* published.h - how a fake helper tells a test something: in files that the test has made, see fake_helper.c. */
#ifndef NACRE_TESTS_NACRED_PUBLISHED_H
#define NACRE_TESTS_NACRED_PUBLISHED_H

#define WORLD_LENGTH 8 /* digits of the content's length, which stands before it */

#endif
