from penstock.common.typeinfo import *
